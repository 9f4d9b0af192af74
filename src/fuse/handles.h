/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Creation and end of the filesystem and of its open descriptions. */
#ifndef WQ_HANDLES_H
#define WQ_HANDLES_H

#include "fuse/limits.h"
#include "fuse/server.h"

struct wqfs_config {
	struct wq_limits limits;
	enum wqfs_format default_format;
	unsigned int max_read; /* the mount option; 0: not given */
	bool for_all;	       /* the option allow_other is given */
};

/* A filesystem without queues, on LOOP, for which KEYS watches keys; both outlive it. NULL: no
 * memory. */
struct wqfs *wqfs_new(
	const struct wqfs_config *config, struct wq_loop *loop, struct wq_keys *keys);

/* How often LIMITS let keys be scanned. */
struct wq_keys_pace wqfs_pace(const struct wq_limits *limits);

/* From now on these LIMITS hold, for FS and its keys. They take away nothing that somebody has.
 */
void wqfs_set_limits(struct wqfs *fs, const struct wq_limits *limits);

/* Frees FS, before the session is destroyed. Nothing waits any more after that. */
void wqfs_free(struct wqfs *fs);

/* The caller of REQ opens NODE with FLAGS. NULL: no memory. */
struct wq_handle *wqfs_handle_new(fuse_req_t req, struct wq_node *node, int flags);

/* NODE has lost its name or a descriptor. If only other users keep it now, charges it to one of
 * them. */
void wqfs_charge_holder(struct wqfs *fs, struct wq_node *node);

/* H is closed: answers what waits through it, and frees its queue if nothing
 * else keeps that. */
void wqfs_handle_free(struct wqfs *fs, struct wq_handle *h);

#endif
