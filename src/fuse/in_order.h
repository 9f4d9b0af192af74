/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that change what a queue gets, or ask what it has: each is carried out when all that
 * was done before it came has been posted. One that came while the sources have much to handle
 * is parked. No signal ends that wait but one that kills its process.
 */
#ifndef WQ_IN_ORDER_H
#define WQ_IN_ORDER_H

#include "fuse/server.h"

/* What waits. By value at the start of its owner, which is from malloc() and is freed after
 * go(). */
struct wqfs_ordered {
	/* Answers REQ, now or later. */
	void (*go)(fuse_req_t req, struct wqfs_ordered *ordered);
	/* The queue that gets a LOSS, if it watches anything, when not all could be posted
	 * before, because it may now miss some of it. NULL: none. */
	struct wq_queue *loses;
};

/* Parks REQ, which comes through H or, if that is NULL, names an inode, until all is posted
 * that was done before this call, or until the daemon has used 50 ms, for whatever, or ends;
 * and then calls ORDERED->go(). ORDERED NULL: there was no memory, and REQ is answered so. */
void wqfs_go_in_order(fuse_req_t req, struct wq_handle *h, struct wqfs_ordered *ordered);

/* Does what the parked request P would do later, and frees P. */
void wqfs_go_now(struct wq_parked *p);

/* Carries out, for a piece of a slice of time, those whose wait has ended, in the order in
 * which they came. */
void wqfs_serve_ordered(struct wqfs *fs);

#endif
