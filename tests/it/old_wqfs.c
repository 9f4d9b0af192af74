/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wqfs as it could have been before its interface had versions: it has queues, but of all
 * ioctls it knows only the one that tells about a queue.
 *
 *	old_wqfs -f DIRECTORY
 */
#define FUSE_USE_VERSION 310
#include <errno.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unused.h"
#include "wqfs.h"

#define QUEUE (FUSE_ROOT_ID + 1) /* each name is a name of it */

static struct stat attributes(fuse_ino_t ino)
{
	return (struct stat){.st_ino = ino,
		.st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0777 : S_IFREG | 0600,
		.st_nlink = 1,
		.st_uid = geteuid(),
		.st_gid = getegid()};
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi WQ_UNUSED)
{
	struct stat st = attributes(ino);

	fuse_reply_attr(req, &st, 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st WQ_UNUSED,
	int which WQ_UNUSED, struct fuse_file_info *fi)
{
	op_getattr(req, ino, fi);
}

static struct fuse_entry_param entry(void)
{
	return (struct fuse_entry_param){.ino = QUEUE, .attr = attributes(QUEUE)};
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name)
{
	struct fuse_entry_param e = entry();

	if (strcmp(name, "q") == 0)
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENOENT);
}

static void op_open(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, struct fuse_file_info *fi)
{
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void op_create(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name WQ_UNUSED,
	mode_t mode WQ_UNUSED, struct fuse_file_info *fi)
{
	struct fuse_entry_param e = entry();

	fi->direct_io = 1;
	fuse_reply_create(req, &e, fi);
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, unsigned int cmd,
	void *arg WQ_UNUSED, struct fuse_file_info *fi WQ_UNUSED, unsigned int flags WQ_UNUSED,
	const void *in WQ_UNUSED, size_t in_size WQ_UNUSED, size_t out_size)
{
	struct wqfs_stats stats = {.size = 32, .opens = 1};

	if (cmd == WQFS_IOC_GET_STATS && out_size == sizeof(stats))
		fuse_reply_ioctl(req, 0, &stats, sizeof(stats));
	else
		fuse_reply_err(req, ENOTTY);
}

static const struct fuse_lowlevel_ops ops = {
	.getattr = op_getattr,
	.setattr = op_setattr,
	.lookup = op_lookup,
	.open = op_open,
	.create = op_create,
	.ioctl = op_ioctl,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts;
	struct fuse_session *se;
	int r = 1;

	if (fuse_parse_cmdline(&args, &opts) != 0 ||
		fuse_opt_add_arg(&args, "-osubtype=wqfs,fsname=old") != 0)
		return 2;
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (se && fuse_set_signal_handlers(se) == 0 &&
		fuse_session_mount(se, opts.mountpoint) == 0) {
		r = fuse_session_loop(se);
		fuse_session_unmount(se);
	}
	return r != 0;
}
