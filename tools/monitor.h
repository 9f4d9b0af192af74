/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows what happens to keys, tells the journal, or runs a command for it. */
#ifndef WQ_MONITOR_H
#define WQ_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "event_out.h"
#include "key_tree.h"
#include "wqfs.h"

struct monitor_options {
	const char *mount;	   /* NULL: the caller's */
	struct wqfs_filter filter; /* nr_filters 0: all */
	struct event_style style;
	bool recursive, persistent, quiet;
	int ready_fd;	     /* -1: none */
	unsigned long count; /* end after so many events; 0: never */
	bool has_timeout;
	uint64_t timeout_ns; /* end when nothing has happened for so long */
	long lead;	     /* say when a key has so many seconds left; -1: do not */
	const char *output;  /* the file to write to; NULL: standard output */
	/* Writes what comes first; false after an error message. NULL: nothing does. */
	bool (*begin)(const struct key_tree *tree, const char *mount, char **keys);
	const char *command; /* run it for each event, and print nothing; NULL: do not */
	bool journal;	     /* add an entry to the journal for each, and print nothing */
};

/* Watches KEYS, which ends with NULL; if it is empty, the caller's session and user keyring.
 * The exit status, after an error message if it failed. Blocks until it is interrupted. */
int monitor_run(const struct monitor_options *o, char **keys);

#endif
