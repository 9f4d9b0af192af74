/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations on an open queue, which may have to wait. */
#ifndef WQ_REQUESTS_H
#define WQ_REQUESTS_H

#include "fuse/server.h"

extern const struct wq_queue_ops wqfs_queue_ops;

/* Are there readers to be answered? Then, before the loop waits: all requests that are pending
 * are to be read, interrupts at least, and wqfs_serve() called. So no record is given to a
 * reader that was killed before. One call takes 2 ms at most: ask again after it. */
bool wqfs_has_to_serve(const struct wqfs *fs);
void wqfs_serve(struct wqfs *fs);

/* Ends every wait: readers get end of file, now and from now on; who polls is woken. */
void wqfs_stop(struct wqfs *fs);

/* After wqfs_stop(): has everybody who was polling asked again, and heard of the end? */
bool wqfs_all_told(const struct wqfs *fs);

void wqfs_op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void wqfs_op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
void wqfs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	size_t out_size);

/* The last writer of an anonymous queue has gone: readers get end of file. */
void wqfs_writers_gone(struct wqfs *fs, struct wq_node *node);

/* The last reader of a queue has gone: who polls a writing end gets an error. */
void wqfs_readers_gone(struct wq_node *node);

/* HANDLE is being released: whatever still waits through it is answered. */
void wqfs_forget_handle(struct wqfs *fs, struct wq_handle *handle);

#endif
