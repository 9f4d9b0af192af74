/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unused.h"
#include "fuse/queue_rights.h"
#include "fuse/replies.h"
#include "fuse/xattrs.h"
#include "wqfs_ops.h"

/* Replies R: 0 is success without data, -errno an error. */
static void reply(fuse_req_t req, int r)
{
	fuse_reply_err(req, -r);
}

/* ---- operations ---- */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct wqfs *fs = userdata;

	/* With splice() the daemon could not tell a read of the device from one that would
	 * wait. */
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE);
	/* Nobody waits for such a read, so nobody could interrupt it: a killed process would
	 * wait for it for ever. */
	conn->want &= ~(unsigned int)FUSE_CAP_ASYNC_DIO;
	/* open(O_TRUNC) has no effect, as on a FIFO; truncate() is refused. */
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
	/* What the kernel keeps of a directory is read anew after its time has changed. */
	conn->want |= conn->capable & FUSE_CAP_AUTO_INVAL_DATA;
	fs->no_opendir = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
	conn->max_write = WQFS_WRITE_MAX;
	/* libfuse needs max_read in both places */
	conn->max_read = fs->max_read;
	if (fs->ready)
		fs->ready(fs);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name)
{
	struct wq_node *node = wq_namespace_find(&wqfs_of(req)->ns, name);

	if (node)
		wqfs_reply_entry(req, node);
	else
		fuse_reply_err(req, strlen(name) > WQFS_NAME_MAX ? ENAMETOOLONG : ENOENT);
}

static void forget(struct wqfs *fs, fuse_ino_t ino, uint64_t n)
{
	struct wq_node *node = wq_namespace_inode(&fs->ns, ino);

	if (!node)
		return;
	node->lookups -= n < node->lookups ? n : node->lookups;
	wq_namespace_reap(&fs->ns, node);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(wqfs_of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *list)
{
	for (size_t i = 0; i < count; i++)
		forget(wqfs_of(req), list[i].ino, list[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, const struct wq_node *node)
{
	struct stat st;

	if (node)
		wqfs_stat_for(req, node, &st);
	else
		wq_namespace_stat(&wqfs_of(req)->ns, &st);
	fuse_reply_attr(req, &st, WQFS_NO_CACHE);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi WQ_UNUSED)
{
	struct wq_node *node;

	if (!wqfs_node_of(req, ino, &node))
		return;
	/* For the size. More time than that nobody waits for attributes, as ls(1) asks for
	 * those of all files: whoever must know the size asks for the statistics first. */
	(void)wqfs_drain_sources(req);
	reply_attr(req, node);
}

/* The kernel has checked the caller's rights (default_permissions). Setting times is accepted,
 * for touch(1), and has no effect. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
	struct fuse_file_info *fi WQ_UNUSED)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_node *node;

	if (!wqfs_node_of(req, ino, &node))
		return;
	if (to_set & FUSE_SET_ATTR_SIZE) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	wq_namespace_set_attrs(&fs->ns, node,
		(to_set & FUSE_SET_ATTR_MODE ? WQ_SET_MODE : 0u) |
			(to_set & FUSE_SET_ATTR_UID ? WQ_SET_UID : 0u) |
			(to_set & FUSE_SET_ATTR_GID ? WQ_SET_GID : 0u),
		attr);
	reply_attr(req, node);
}

static int create(fuse_req_t req, const char *name, mode_t mode, struct wq_node **node)
{
	struct wqfs *fs = wqfs_of(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	gid_t gid = fs->ns.mode & S_ISGID ? fs->ns.gid : ctx->gid;

	/* What happens to a user's keys concerns nobody else, and a reader takes records away.
	 * Where everybody may enter, the umask, which programs choose for ordinary files, is
	 * not protection enough. A user who wants others to read calls chmod(). */
	mode &= fs->for_all ? 0600 : 0777;
	return wq_namespace_create(&fs->ns, name, mode, ctx->uid, gid, node);
}

/* Nobody could open an anonymous queue that was not opened when it was made. */
static void op_mknod(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name, mode_t mode,
	dev_t dev WQ_UNUSED)
{
	struct wq_node *node;
	int r = -EPERM;

	if (S_ISREG(mode) && strcmp(name, WQFS_ANONYMOUS) != 0)
		r = create(req, name, mode, &node);
	if (r < 0)
		reply(req, r);
	else
		wqfs_reply_entry(req, node);
}

static void op_create(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name,
	mode_t mode, struct fuse_file_info *fi)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_handle *h;
	struct wq_node *node;
	int r = create(req, name, mode, &node);

	if (r < 0) {
		reply(req, r);
		return;
	}
	h = wqfs_handle_new(req, node, fi->flags);
	if (!h) {
		fuse_reply_err(req, ENOMEM);
		wq_namespace_reap(&fs->ns, node);
		return;
	}
	node->lookups++;
	if (wqfs_reply_create(req, node, h) < 0) {
		/* nobody waits for it any more; a named queue stays, as a file would */
		node->lookups--;
		wqfs_handle_free(fs, h);
	}
}

/* The queue NAME if it will outlive its name, or NULL. */
static struct wq_node *held_open(struct wqfs *fs, const char *name)
{
	struct wq_node *node = wq_namespace_find(&fs->ns, name);

	return node && node->opens ? node : NULL;
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_node *held = held_open(fs, name);

	reply(req, wq_namespace_unlink(&fs->ns, name));
	if (held)
		wqfs_charge_holder(fs, held);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name,
	fuse_ino_t newparent WQ_UNUSED, const char *newname, unsigned int flags)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_node *held = held_open(fs, newname); /* may lose its name */

	reply(req, wq_namespace_rename(&fs->ns, name, newname, flags));
	if (held)
		wqfs_charge_holder(fs, held);
}

/* The directory is flat, and holds nothing but queues. */
static void op_mkdir(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name WQ_UNUSED,
	mode_t mode WQ_UNUSED)
{
	fuse_reply_err(req, EPERM);
}

static void op_symlink(fuse_req_t req, const char *link WQ_UNUSED, fuse_ino_t parent WQ_UNUSED,
	const char *name WQ_UNUSED)
{
	fuse_reply_err(req, EPERM);
}

static void op_link(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, fuse_ino_t newparent WQ_UNUSED,
	const char *newname WQ_UNUSED)
{
	fuse_reply_err(req, EPERM);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_node *node;
	struct wq_handle *h;
	struct fuse_open_out out;
	int r;

	if (!wqfs_node_of(req, ino, &node))
		return;
	r = wq_namespace_may_open(&fs->ns, node, fuse_req_ctx(req)->uid);
	if (r < 0) {
		reply(req, r);
		return;
	}
	h = wqfs_handle_new(req, node, fi->flags);
	if (!h) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	out = wqfs_make_open(h);
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) < 0)
		wqfs_handle_free(fs, h);
}

static void op_release(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, struct fuse_file_info *fi)
{
	wqfs_handle_free(wqfs_of(req), wqfs_handle_of(fi));
	fuse_reply_err(req, 0);
}

/* The kernel's notification pipes refuse writes with this error (pipe_write()). */
static void op_write(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, const char *buf WQ_UNUSED,
	size_t size WQ_UNUSED, off_t off WQ_UNUSED, struct fuse_file_info *fi WQ_UNUSED)
{
	fuse_reply_err(req, EXDEV);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, int datasync WQ_UNUSED,
	struct fuse_file_info *fi WQ_UNUSED)
{
	fuse_reply_err(req, EINVAL);
}

static size_t add_dirent(fuse_req_t req, char *buf, size_t room, const char *name, uint64_t ino,
	mode_t type, off_t next)
{
	struct stat st = {.st_ino = ino, .st_mode = type};
	size_t n = fuse_add_direntry(req, buf, room, name, &st, next);

	return n <= room ? n : 0;
}

/* A kernel that gets ENOSYS once opens and closes directories by itself, and keeps what it has
 * read of them until a name comes or goes. So a report of wqrun, which is an ioctl of the
 * directory, is two requests less. */
static void op_opendir(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, struct fuse_file_info *fi)
{
	if (wqfs_of(req)->no_opendir)
		fuse_reply_err(req, ENOSYS);
	else
		fuse_reply_open(req, fi);
}

/* A FIFO of ours could not be read, because the kernel serves FIFOs itself; so a queue is a
 * regular file. But the directory may call it a FIFO, and programs that walk a tree and trust
 * that do not open it.
 *
 * Offsets: 1 is after ".", 2 after "..", then inode number + 2, which only grow. */
static void op_readdir(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, size_t size, off_t off,
	struct fuse_file_info *fi WQ_UNUSED)
{
	struct wqfs *fs = wqfs_of(req);
	const struct wq_node *node;
	size_t used = 0, n = 1;

	if (size > WQFS_READ_MAX)
		size = WQFS_READ_MAX;
	for (int i = (int)(off < 2 ? off : 2); i < 2 && n; i++)
		used += n = add_dirent(req, fs->buf + used, size - used, i ? ".." : ".",
			WQ_ROOT_INO, S_IFDIR, i + 1);
	TAILQ_FOREACH (node, &fs->ns.named, node) {
		if (!n)
			break;
		if ((off_t)node->ino + 2 <= off)
			continue;
		used += n = add_dirent(req, fs->buf + used, size - used, node->name->text,
			node->ino, S_IFIFO, (off_t)node->ino + 2);
	}
	fuse_reply_buf(req, fs->buf, used);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino WQ_UNUSED)
{
	const struct wqfs *fs = wqfs_of(req);
	struct statvfs st = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_files = fs->ns.names,
		.f_namemax = WQFS_NAME_MAX,
	};

	fuse_reply_statfs(req, &st);
}

/* There is no flush: nothing ends when one of perhaps many descriptors is closed. A kernel that
 * gets ENOSYS once asks no more. */
const struct fuse_lowlevel_ops wqfs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.link = op_link,
	.unlink = op_unlink,
	.rename = op_rename,
	.create = op_create,
	.open = op_open,
	.read = wqfs_op_read,
	.write = op_write,
	.fsync = op_fsync,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.statfs = op_statfs,
	.getxattr = wqfs_op_getxattr,
	.setxattr = wqfs_op_setxattr,
	.listxattr = wqfs_op_listxattr,
	.removexattr = wqfs_op_removexattr,
	.ioctl = wqfs_op_ioctl,
	.poll = wqfs_op_poll,
};
