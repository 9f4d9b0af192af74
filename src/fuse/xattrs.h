/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FUSE requests on extended attributes. */
#ifndef WQ_XATTRS_H
#define WQ_XATTRS_H

#include "fuse/server.h"

void wqfs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void wqfs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void wqfs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	size_t size, int flags);
void wqfs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
