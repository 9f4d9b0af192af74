/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replies about a queue: its attributes, and how it was opened. */
#ifndef WQ_REPLIES_H
#define WQ_REPLIES_H

#include <linux/fuse.h>

#include "fuse/server.h"

/* How many seconds the kernel may cache attributes: none, so that it asks every time. */
#define WQFS_NO_CACHE 0.0

/* The attributes of NODE as far as the caller of REQ may know them. */
void wqfs_stat_for(fuse_req_t req, const struct wq_node *node, struct stat *st);

/* Replies that the lookup found NODE, or that NODE was made. */
void wqfs_reply_entry(fuse_req_t req, struct wq_node *node);

/* The reply to an open: how the kernel is to treat the description H. */
struct fuse_open_out wqfs_make_open(const struct wq_handle *h);

/* Replies that NODE was made and opened as H. 0, or -errno: the caller has gone. */
int wqfs_reply_create(fuse_req_t req, struct wq_node *node, const struct wq_handle *h);

#endif
