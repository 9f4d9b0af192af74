/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of the keys bridge. */
#ifndef WQ_KEYS_CONFIG_H
#define WQ_KEYS_CONFIG_H

#include <stdbool.h>

/* How often scans come, which may change meanwhile. */
struct wq_keys_pace {
	double cpu_budget;	  /* the share of one core that scans may take: 0.01 is 1 % */
	unsigned int poll_min_ms; /* bounds of the interval between scans */
	unsigned int poll_max_ms;
	/* With a source: seconds from one scan of all keys to the next; if the source reports
	 * each change, from one check that all keys still exist to the next. 0: as the source
	 * needs it. */
	unsigned int resync_s;
};

struct wq_keys_config {
	struct wq_keys_pace pace;
	const char *source; /* for wq_source_choose(); not copied */
	/* A source has started, or none works, which WHY then says; else that is NULL. This is
	 * called again when one has died. If DECIDED is NULL, a source has started before
	 * wq_keys_new() returns, which takes some hundred milliseconds. */
	void (*decided)(void *arg, const char *why);
	/* Watches that could not be set yet can be set now. May be NULL. */
	void (*may_watch)(void *arg);
	void *decided_arg; /* for both */
	/* Is a reader to be served before more is posted? NULL: never. */
	bool (*is_pressing)(void *arg);
	void *is_pressing_arg;
	unsigned int buffer_kb; /* trace: the buffer of each CPU */
};

#endif
