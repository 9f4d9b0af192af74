/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes requests from /dev/fuse, without waiting for them. */
#ifndef WQFS_DEVICE_H
#define WQFS_DEVICE_H

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

/* Prepares the device of SE, which is mounted, and BUF for wqfs_device_take(). The caller frees
 * BUF->mem. 0 or -errno. */
int wqfs_device_open(struct fuse_session *se, struct fuse_buf *buf);

/* Reads and handles pending requests, at least some of them, for a slice of time. 0: all
 * callers with a pending interrupt have been answered. -ECANCELED: libfuse gave up and has
 * printed why. Else the error of the device. */
int wqfs_device_take(struct fuse_session *se, struct fuse_buf *buf);

#endif
