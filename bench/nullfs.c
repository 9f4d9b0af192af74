/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A FUSE filesystem that does as little as one can: each file can be created, opened, read and
 * asked by an ioctl, and holds nothing. What wqfs does takes at least as long as this.
 *
 *	nullfs -f DIRECTORY
 *
 * With NULLFS_RELAY=FD in the environment a read waits until something comes through the pipe
 * FD, and returns that: no daemon can tell a reader of a FUSE filesystem sooner.
 */
#define FUSE_USE_VERSION 310
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unused.h"

static char zeros[1 << 20];
static int relay = -1; /* the pipe that reads wait for; -1: they do not wait */
static fuse_ino_t next_ino = FUSE_ROOT_ID + 1;

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

static void op_lookup(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name WQ_UNUSED)
{
	fuse_reply_err(req, ENOENT);
}

static void op_create(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name WQ_UNUSED,
	mode_t mode WQ_UNUSED, struct fuse_file_info *fi)
{
	struct fuse_entry_param e = {.ino = next_ino++};

	e.attr = attributes(e.ino);
	fi->direct_io = 1;
	fuse_reply_create(req, &e, fi);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name WQ_UNUSED)
{
	fuse_reply_err(req, 0);
}

static void op_read(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, size_t size, off_t off WQ_UNUSED,
	struct fuse_file_info *fi WQ_UNUSED)
{
	char came[4096];
	ssize_t n;

	if (relay < 0) {
		fuse_reply_buf(req, zeros, size < sizeof(zeros) ? size : sizeof(zeros));
		return;
	}
	n = read(relay, came, size < sizeof(came) ? size : sizeof(came));
	fuse_reply_buf(req, came, n > 0 ? (size_t)n : 0);
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, unsigned int cmd WQ_UNUSED,
	void *arg WQ_UNUSED, struct fuse_file_info *fi WQ_UNUSED, unsigned int flags WQ_UNUSED,
	const void *in WQ_UNUSED, size_t in_size WQ_UNUSED, size_t out_size)
{
	fuse_reply_ioctl(req, 0, zeros, out_size);
}

static const struct fuse_lowlevel_ops ops = {
	.getattr = op_getattr,
	.lookup = op_lookup,
	.create = op_create,
	.unlink = op_unlink,
	.read = op_read,
	.ioctl = op_ioctl,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts;
	struct fuse_session *se;
	const char *pipe = getenv("NULLFS_RELAY");
	int r = 1;

	if (pipe)
		relay = atoi(pipe);
	if (fuse_parse_cmdline(&args, &opts) != 0)
		return 2;
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (se && fuse_set_signal_handlers(se) == 0 &&
		fuse_session_mount(se, opts.mountpoint) == 0) {
		r = fuse_session_loop(se);
		fuse_session_unmount(se);
	}
	return r != 0;
}
