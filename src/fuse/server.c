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

bool wqfs_node_of(fuse_req_t req, fuse_ino_t ino, struct wq_node **node)
{
	*node = ino == WQ_ROOT_INO ? NULL : wq_namespace_inode(&wqfs_of(req)->ns, ino);
	if (*node || ino == WQ_ROOT_INO)
		return true;
	fuse_reply_err(req, ESTALE);
	return false;
}

/* ---- the caller ---- */

/* Reads the supplementary groups of the process of REQ. Without memory it is in none. */
static void read_groups(struct wqfs_groups *groups, fuse_req_t req)
{
	int room = 64;

	for (;;) {
		free(groups->list);
		groups->list = calloc((size_t)room, sizeof(*groups->list));
		groups->n =
			groups->list ? fuse_req_getgroups(req, room, groups->list) : -ENOMEM;
		if (groups->n <= room) /* an error is below 0 */
			break;
		room = groups->n;
	}
	groups->of = req;
}

/* A request may ask this for each of thousands of watches: the groups are read once. */
static bool in_group(const struct wq_caller *caller, gid_t gid)
{
	struct wqfs_groups *groups = &wqfs_of(caller->private)->groups;
	bool found = false;

	if (groups->of != caller->private)
		read_groups(groups, caller->private);
	for (int i = 0; i < groups->n; i++)
		found |= groups->list[i] == gid;
	return found;
}

struct wq_caller wqfs_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	wqfs_of(req)->groups.of =
		NULL; /* they may have changed, or be those of an earlier request */
	return (struct wq_caller){
		.pid = ctx->pid,
		.uid = ctx->uid,
		.gid = ctx->gid,
		.in_group = in_group,
		.private = req,
	};
}

bool wqfs_drain_sources(fuse_req_t req)
{
	return wq_keys_drain_sources(wqfs_of(req)->keys, fuse_req_ctx(req)->uid);
}
