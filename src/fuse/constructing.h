/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches a key that may be under construction. The request then waits, and the daemon asks for
 * the key again and again, each time after a longer pause. Asking may take a millisecond, for
 * which the waiting user pays. So do requests that come before a source has started.
 */
#ifndef WQ_CONSTRUCTING_H
#define WQ_CONSTRUCTING_H

#include "fuse/server.h"

/* WQFS_IOC_WATCH_KEY: H's queue watches the key that W names. Answers REQ, now or, if it WAITS,
 * later. */
void wqfs_watch_key(
	fuse_req_t req, struct wq_handle *h, const struct wqfs_watch_key *w, bool waits);

/* Sets user.wqfs.watches: the same for NODE's queue. Answers REQ, now or later. */
void wqfs_watch_by_attr(fuse_req_t req, struct wq_node *node, const struct wqfs_watch_key *w);

/* Asks for all keys again, at once: a source has started, or none will. */
void wqfs_ask_again(struct wqfs *fs);

/* Stops asking for keys. Requests that wait stay parked. */
void wqfs_stop_asking(struct wqfs *fs);

/* Frees everything. Nobody waits, or will wait, any more. */
void wqfs_forget_constructions(struct wqfs *fs);

#endif
