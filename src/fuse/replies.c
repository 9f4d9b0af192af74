/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "fuse/queue_rights.h"
#include "fuse/replies.h"

/* From linux/fuse.h of Linux 5.0, for older headers. */
#ifndef FOPEN_STREAM
#define FOPEN_STREAM (1 << 4)
#endif
/* Of Linux 5.18. */
#ifndef FOPEN_NOFLUSH
#define FOPEN_NOFLUSH (1 << 5)
#endif

/* Has CALLER's user a descriptor to read NODE with? A request for attributes does not say
 * through which descriptor it came (fuse_getattr()), so that one which was passed on counts
 * once it has been used. */
static bool holds_reader(const struct wq_node *node, const struct wq_caller *caller)
{
	return wq_per_user_count(&node->read_by, caller->uid) > 0;
}

/* Its size and times tell when something happened to the keys of its owner. An anonymous queue
 * can be found by nobody who has no descriptor of it. */
void wqfs_stat_for(fuse_req_t req, const struct wq_node *node, struct stat *st)
{
	struct wq_caller caller = wqfs_caller(req);

	if (node->anonymous || wq_rights_read(node, &caller) || holds_reader(node, &caller))
		wq_node_stat(node, st);
	else
		wq_node_stat_public(node, st);
}

static void make_entry(fuse_req_t req, const struct wq_node *node, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = node->ino;
	e->attr_timeout = e->entry_timeout = WQFS_NO_CACHE;
	wqfs_stat_for(req, node, &e->attr);
}

/* The kernel's lookup count goes up when it gets the reply, and only then. */
void wqfs_reply_entry(fuse_req_t req, struct wq_node *node)
{
	struct wqfs *fs = wqfs_of(req);
	struct fuse_entry_param e;

	make_entry(req, node, &e);
	node->lookups++;
	if (fuse_reply_entry(req, &e) < 0) {
		node->lookups--;
		wq_namespace_reap(&fs->ns, node);
	}
}

/* libfuse has no name for FOPEN_STREAM, so the reply is made by hand. Without it readers
 * that share a descriptor would queue up, uninterruptible, on its position's lock. Without
 * FOPEN_NOFLUSH a close() after the daemon's end would fail, although all was read. */
struct fuse_open_out wqfs_make_open(const struct wq_handle *h)
{
	return (struct fuse_open_out){
		.fh = (uint64_t)(uintptr_t)h,
		.open_flags =
			FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_STREAM | FOPEN_NOFLUSH,
	};
}

static void to_fuse_attr(const struct stat *st, struct fuse_attr *a)
{
	*a = (struct fuse_attr){
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.atime = (uint64_t)st->st_atim.tv_sec,
		.mtime = (uint64_t)st->st_mtim.tv_sec,
		.ctime = (uint64_t)st->st_ctim.tv_sec,
		.atimensec = (uint32_t)st->st_atim.tv_nsec,
		.mtimensec = (uint32_t)st->st_mtim.tv_nsec,
		.ctimensec = (uint32_t)st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.blksize = (uint32_t)st->st_blksize,
	};
}

/* What FUSE_CREATE answers. */
struct create_out {
	struct fuse_entry_out entry;
	struct fuse_open_out open;
};

int wqfs_reply_create(fuse_req_t req, struct wq_node *node, const struct wq_handle *h)
{
	struct create_out out = {.entry.nodeid = node->ino, .open = wqfs_make_open(h)};
	struct stat st;

	wq_node_stat(node, &st);
	to_fuse_attr(&st, &out.entry.attr);
	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}
