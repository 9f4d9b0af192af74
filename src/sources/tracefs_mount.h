/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's tracefs and debugfs, whether they are mounted or not. */
#ifndef WQ_TRACEFS_MOUNT_H
#define WQ_TRACEFS_MOUNT_H

#include <stdbool.h>

/* Mounts tracefs without attaching it to a directory. This works where none is mounted, nobody
 * else can unmount it, and it ends with its descriptor. Returns the descriptor (O_CLOEXEC),
 * which the caller closes; or -errno: -EPERM: only root may, or the kernel is locked down;
 * -ENODEV: the kernel has no tracefs. Does not block. */
int wq_tracefs_mount(void);

/* The same with debugfs, if the kernel is not locked down at all. */
int wq_debugfs_mount(void);

/* May nobody read the kernel's memory, because it is locked down (lockdown=confidentiality)?
 * Does not block. */
bool wq_kernel_is_confidential(void);

#endif
