/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ioctls of queues and of the root directory. */
#ifndef WQ_IOCTLS_H
#define WQ_IOCTLS_H

#include "fuse/server.h"

void wqfs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	size_t out_size);

#endif
