/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keys bridge is set up with. */
#ifndef WQ_KEYS_CONFIG_H
#define WQ_KEYS_CONFIG_H

struct wq_keys_config {
	double cpu_budget;	  /* share of one core that looking may cost: 0.01 is 1 % */
	unsigned int poll_min_ms; /* bounds of the interval between looks */
	unsigned int poll_max_ms;
	const char *source; /* as wq_source_choose() takes it; not copied */
	/* With a source: seconds from one look at every key to the next, or, where it tells
	 * each change, from one question whether every key is still there to the next. 0: as
	 * the source needs it. */
	unsigned int resync_s;
	unsigned int buffer_kb; /* trace: each CPU's buffer */
};

#endif
