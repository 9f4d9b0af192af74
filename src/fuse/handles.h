/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of the filesystem and of its open descriptions. */
#ifndef WQ_HANDLES_H
#define WQ_HANDLES_H

#include "fuse/server.h"

struct wqfs_limits {
	uint32_t default_size, max_size;
	uint64_t max_queues;
	unsigned int max_read; /* the mount option; 0: none */
	bool for_all;	       /* allow_other is given */
};

/* A filesystem without queues, on LOOP, whose keys are watched by KEYS (both outlive it).
 * NULL: no memory. */
struct wqfs *wqfs_new(
	const struct wqfs_limits *limits, struct wq_loop *loop, struct wq_keys *keys);

/* Frees it; the session must still be there. Nothing waits any more after it. */
void wqfs_free(struct wqfs *fs);

/* NODE is opened with FLAGS by the caller of REQ. NULL: no memory. */
struct wq_handle *wqfs_handle_new(fuse_req_t req, struct wq_node *node, int flags);

/* NODE's name or a descriptor of it has gone: where only others keep it now they are charged
 * for it. */
void wqfs_charge_holder(struct wqfs *fs, struct wq_node *node);

/* H is closed: what waits through it is answered, and its queue may go. */
void wqfs_handle_free(struct wqfs *fs, struct wq_handle *h);

#endif
