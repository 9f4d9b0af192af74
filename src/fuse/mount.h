/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts, and removes what a killed daemon left behind. */
#ifndef WQ_MOUNT_H
#define WQ_MOUNT_H

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

/* The absolute path of MOUNTPOINT, even if a dead mount is there. The caller frees it. NULL
 * with errno set. */
char *wq_mount_resolve(const char *mountpoint);

/* Makes the directory MOUNTPOINT with MODE, which the umask does not change, and what is
 * missing above it with 0755, as mount(8) does for x-mount.mkdir. Does nothing if there is one,
 * even if a dead mount is there. 0 or -errno. */
int wq_mount_make_directory(const char *mountpoint, mode_t mode);

/* fuse_session_new(), with the ARGS that wq_options_parse() has left. NULL after one line on
 * stderr with the reason, such as an option that libfuse does not know either. */
struct fuse_session *wq_session_new(struct fuse_args *args, const struct fuse_lowlevel_ops *ops,
	size_t ops_size, void *userdata);

/* Mounts SE on MOUNTPOINT, an absolute path of a directory, from which it unmounts a wqfs whose
 * daemon is dead. Of two daemons that do so at the same moment one mounts, and the other finds
 * a live wqfs, which is refused (mount_lock.h says how far). 0; or -1 after one line on stderr
 * with the reason, in the words of libfuse or fusermount3, whose own messages would take
 * several lines. A warning on stderr if its user could not unmount it. */
int wq_mount(struct fuse_session *se, const char *mountpoint);

#endif
