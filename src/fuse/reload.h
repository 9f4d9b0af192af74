/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the file of limits again, beside the loop: the file may be on a filesystem that hangs,
 * or on the daemon's own. */
#ifndef WQ_RELOAD_H
#define WQ_RELOAD_H

#include "base/loop.h"
#include "fuse/limits.h"

struct wq_reading;

/* Embedded in its owner. */
struct wq_reload {
	struct wq_loop *loop;
	const struct wq_limits_file *file; /* the owner's; it has a path */
	/* The loop calls this when the file has been read: LIMITS, or NULL and WHY. */
	void (*done)(struct wq_reload *reload, const struct wq_limits *limits, const char *why);
	struct wq_reading *reading; /* under way; or NULL */
	bool again;		    /* it may have been changed since that began */
};

/* Begins to read the file. If it is being read, begins anew after that, and done() is called
 * once, for what is in the file now. */
void wq_reload_begin(struct wq_reload *reload);

/* done() is not called any more. RELOAD may be all zero. */
void wq_reload_end(struct wq_reload *reload);

#endif
