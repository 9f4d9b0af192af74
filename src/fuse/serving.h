/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers: how they arrive, and how they are served in turn. A post answers nobody. */
#ifndef WQ_SERVING_H
#define WQ_SERVING_H

#include "fuse/server.h"

/* The operations of all queues of the filesystem. */
extern const struct wq_queue_ops wqfs_queue_ops;

void wqfs_op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);

/* WQFS_IOC_READ of SIZE bytes: a read() that does not wait for records. Answers REQ, now or
 * later. */
void wqfs_read_now(fuse_req_t req, struct wq_handle *h, size_t size);

/* Are there readers to answer? If so, before the loop waits, read all pending requests, or at
 * least all interrupts, and call wqfs_serve(). So no record goes to a reader that was killed
 * before. One call takes at most 2 ms: ask again after it. Users whose readers have taken much
 * time are served after all others. */
bool wqfs_has_to_serve(const struct wqfs *fs);
void wqfs_serve(struct wqfs *fs);

/* The last writer of an anonymous queue has gone: its readers get end of file, but first the
 * records of all that was done before. */
void wqfs_writers_gone(struct wqfs *fs, struct wq_node *node);

/* NODE has a writer again, or is no longer open: no end of file is to be told. */
void wqfs_forget_end(struct wqfs *fs, struct wq_node *node);

/* The last reader of a queue has gone: pollers of a writing end get an error. */
void wqfs_readers_gone(struct wq_node *node);

/* Something other than a record concerns those who poll NODE: tells them soon to ask again. */
void wqfs_poll_again(struct wq_node *node);

/* NODE has lost a descriptor, and what waited through it. If nobody waits any more NODE leaves
 * the list of those to be served, and may be freed. */
void wqfs_forget_to_serve(struct wq_node *node);

#endif
