/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows keys and all keys below them on a terminal, as they change. */
#ifndef WQ_TREE_LIVE_H
#define WQ_TREE_LIVE_H

#include <stdint.h>

struct tree_live_options {
	const char *mount; /* the wqfs to use; NULL: the caller's */
	uint64_t hold_ns;  /* how long a change is highlighted */
};

/* Shows KEYS, which ends with NULL; if it is empty, the caller's session and user keyring. The
 * exit status, after an error message if it failed. Blocks until the user quits, a signal or
 * the wqfs ends it, or all keys have been destroyed. */
int tree_live_run(const struct tree_live_options *o, char *const *keys);

#endif
