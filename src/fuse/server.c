/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "fuse/server.h"

struct wqfs *wqfs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct wq_handle *wqfs_handle_of(const struct fuse_file_info *fi)
{
	return (struct wq_handle *)(uintptr_t)fi->fh;
}

int wqfs_charge_reader(struct wq_handle *h, uid_t uid)
{
	return h->write_only
		       ? 0
		       : wq_per_user_charge(&h->node->read_by, uid, WQ_PER_USER_UNLIMITED);
}

void wqfs_uncharge_reader(struct wq_handle *h, uid_t uid)
{
	if (!h->write_only)
		wq_per_user_uncharge(&h->node->read_by, uid);
}

void wqfs_set_user(struct wq_handle *h, uid_t uid)
{
	if (uid == h->used_by || (uid != h->uid && wqfs_charge_reader(h, uid) < 0))
		return;
	if (h->used_by != h->uid)
		wqfs_uncharge_reader(h, h->used_by);
	h->used_by = uid;
}

struct wq_handle *wqfs_handle(fuse_req_t req, const struct fuse_file_info *fi)
{
	struct wq_handle *h = wqfs_handle_of(fi);

	wqfs_set_user(h, fuse_req_ctx(req)->uid);
	return h;
}

/* ---- the caller ---- */

static bool in_group(const struct wq_caller *caller, gid_t gid)
{
	int n = 64;

	for (;;) {
		gid_t *list = calloc((size_t)n, sizeof(*list));
		int have = list ? fuse_req_getgroups(caller->private, n, list) : -ENOMEM;
		bool found = false;

		for (int i = 0; i < have && i < n; i++)
			found |= list[i] == gid;
		free(list);
		if (have <= n) /* an error is below 0, and then the group is not among them */
			return found;
		n = have;
	}
}

struct wq_caller wqfs_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct wq_caller){
		.pid = ctx->pid,
		.uid = ctx->uid,
		.gid = ctx->gid,
		.in_group = in_group,
		.private = req,
	};
}

void wqfs_drain_sources(fuse_req_t req)
{
	wq_keys_drain_sources(wqfs_of(req)->keys, fuse_req_ctx(req)->uid);
}
