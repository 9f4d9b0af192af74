/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounting, and what a killed daemon left behind. */
#ifndef WQ_MOUNT_H
#define WQ_MOUNT_H

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

/* The absolute path of MOUNTPOINT, dead mount or not; to be freed. NULL with errno set. */
char *wq_mount_resolve(const char *mountpoint);

/* If a wqfs whose daemon is dead is still mounted on MOUNTPOINT, an absolute path, unmounts
 * it. Anything else is left alone. 0, or -errno after saying why on stderr. */
int wq_mount_clean_stale(const char *mountpoint);

/* fuse_session_new(), with ARGS that wq_options_parse() has left. NULL after one line on
 * stderr that says why, such as an option that libfuse does not know either. */
struct fuse_session *wq_session_new(struct fuse_args *args, const struct fuse_lowlevel_ops *ops,
	size_t ops_size, void *userdata);

/* Mounts SE on MOUNTPOINT, a directory. 0, or -1 after one line on stderr that says why not, in
 * the words of libfuse or fusermount3, which otherwise print several of their own. */
int wq_mount(struct fuse_session *se, const char *mountpoint);

#endif
