/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poll() on queues: what can be read or written now, and notices to those who want to know
 * later. */
#ifndef WQ_POLLS_H
#define WQ_POLLS_H

#include "fuse/parked.h"

void wqfs_op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

/* Answers P, which waits for WQ_WAIT_POSTS, and frees it. */
void wqfs_complete_poll(struct wq_parked *p);

/* Tells those who poll NODE that they may ask again, until END_NS: there may be many. False:
 * some have not been notified yet. */
bool wqfs_notify_pollers(struct wq_node *node, uint64_t end_ns);

/* The same at the end of the filesystem: notifies everybody, and expects each to ask
 * once more. */
void wqfs_last_notice(struct wqfs *fs, struct wq_node *node);

/* After wqfs_stop(): has everybody who was polling asked again, and so learned of the end? */
bool wqfs_all_notified(const struct wqfs *fs);

/* H is being released: nobody polls it any more. */
void wqfs_forget_polls(struct wqfs *fs, struct wq_handle *h);

#endif
