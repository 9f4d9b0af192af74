/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which queues' readers and pollers are to be served, and why: a record, an end. */
#ifndef WQ_TO_SERVE_H
#define WQ_TO_SERVE_H

#include "fuse/server.h"

/* The operations of all queues of the filesystem. */
extern const struct wq_queue_ops wqfs_queue_ops;

/* The readers of NODE will be served before the loop waits again. */
void wqfs_serve_soon(struct wqfs *fs, struct wq_node *node);

/* The same, after those of all others. */
void wqfs_serve_last(struct wqfs *fs, struct wq_node *node);

void wqfs_no_longer_to_serve(struct wq_node *node);

/* The last writer of an anonymous queue has gone: its readers get end of file, but first the
 * records of all that was done before. */
void wqfs_writers_gone(struct wqfs *fs, struct wq_node *node);

/* If the last writer of NODE has gone: ends NODE once all that was done before has been posted.
 * False: there is more to post. */
bool wqfs_settle_end(struct wqfs *fs, struct wq_node *node);

/* NODE has a writer again, or is no longer open: no end of file is to be delivered. */
void wqfs_forget_end(struct wqfs *fs, struct wq_node *node);

/* The last reader of a queue has gone: pollers of a writing end get an error. */
void wqfs_readers_gone(struct wq_node *node);

/* Something other than a record concerns those who poll NODE: tells them soon to ask again. */
void wqfs_poll_again(struct wq_node *node);

/* NODE has lost a descriptor, and what waited through it. If nobody waits any more NODE leaves
 * the list of those to be served, and may be freed. */
void wqfs_forget_to_serve(struct wq_node *node);

#endif
