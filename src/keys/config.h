/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keys bridge is set up with. */
#ifndef WQ_KEYS_CONFIG_H
#define WQ_KEYS_CONFIG_H

enum wq_keys_source {
	WQ_KEYS_AUTO, /* trace where it can, else poll */
	WQ_KEYS_POLL,
	WQ_KEYS_TRACE,
};

struct wq_keys_config {
	double cpu_budget;	  /* share of one core that looking may cost: 0.01 is 1 % */
	unsigned int poll_min_ms; /* bounds of the interval between looks */
	unsigned int poll_max_ms;
	enum wq_keys_source source;
	unsigned int resync_s;	/* trace: seconds from one look at every key to the next */
	unsigned int buffer_kb; /* trace: each CPU's buffer */
};

#endif
