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
/* From Linux 5.18. */
#ifndef FOPEN_NOFLUSH
#define FOPEN_NOFLUSH (1 << 5)
#endif

/* Has CALLER's user a descriptor for reading NODE? A request for attributes does not say
 * through which descriptor it came (fuse_getattr()), so a descriptor that was passed to another
 * user counts once that user has used it. */
static bool holds_reader(const struct wq_node *node, const struct wq_caller *caller)
{
	return wq_per_user_count(&node->read_by, caller->uid) > 0;
}

/* Size and times reveal when something happened to the keys of the queue's owner, so only its
 * readers see them. Only a process that has a descriptor can ask for an anonymous queue. */
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

/* The kernel raises its lookup count only when it gets the reply. */
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

/* libfuse has no name for FOPEN_STREAM, so we build the reply ourselves. Without that flag
 * readers that share a descriptor would wait uninterruptibly for the lock of its position.
 * Without FOPEN_NOFLUSH a close() after the daemon's end would fail, although all was read. */
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

/* The reply to FUSE_CREATE. */
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
