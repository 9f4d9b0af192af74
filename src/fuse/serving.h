/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers: how they come, and how they are served by turns. A post answers nobody. */
#ifndef WQ_SERVING_H
#define WQ_SERVING_H

#include "fuse/server.h"

/* Of all queues of the filesystem. */
extern const struct wq_queue_ops wqfs_queue_ops;

void wqfs_op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);

/* WQFS_IOC_READ of SIZE bytes: read() that does not wait for records. Answers REQ, now or
 * later. */
void wqfs_read_now(fuse_req_t req, struct wq_handle *h, size_t size);

/* Are there readers to be answered? Then, before the loop waits: all requests that are pending
 * are to be read, interrupts at least, and wqfs_serve() called. So no record is given to a
 * reader that was killed before. One call takes 2 ms at most: ask again after it. */
bool wqfs_has_to_serve(const struct wqfs *fs);
void wqfs_serve(struct wqfs *fs);

/* The last writer of an anonymous queue has gone: readers get end of file. */
void wqfs_writers_gone(struct wq_node *node);

/* The last reader of a queue has gone: who polls a writing end gets an error. */
void wqfs_readers_gone(struct wq_node *node);

/* A descriptor of NODE has gone, and what waited through it: where nobody waits any more NODE
 * is not to be served, and may be freed. */
void wqfs_forget_to_serve(struct wqfs *fs, struct wq_node *node);

#endif
