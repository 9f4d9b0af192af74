/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct statx, of the C library or else of the kernel. */
#ifndef WQSHIM_STATX_H
#define WQSHIM_STATX_H

#include <sys/stat.h>

#ifndef STATX_TYPE
#include <linux/stat.h>
#endif

#endif
