/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filesystem's operations for libfuse. */
#ifndef WQFS_OPS_H
#define WQFS_OPS_H

#include "fuse/handles.h"
#include "fuse/requests.h"

extern const struct fuse_lowlevel_ops wqfs_ops;

#endif
