/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers: how they arrive, and how they are served in turn. A post answers nobody. */
#ifndef WQ_SERVING_H
#define WQ_SERVING_H

#include "fuse/server.h"

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

/* Does a reader wait for a queue that is nearly full? It is to be served before more is posted.
 */
bool wqfs_is_pressing(const struct wqfs *fs);

/* When to call wqfs_serve() again, on the clock of wq_now_ns(), if there is something to serve
 * and no request comes. */
uint64_t wqfs_serve_at(const struct wqfs *fs);
void wqfs_serve(struct wqfs *fs);

#endif
