/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's tracefs, wherever it is mounted or not. */
#ifndef WQ_TRACEFS_MOUNT_H
#define WQ_TRACEFS_MOUNT_H

/* Mounts tracefs and attaches it nowhere: that works where none is mounted, nobody can
 * unmount it, and it goes with its descriptor. Returns that, which is the caller's to close
 * (O_CLOEXEC), or -errno: -EPERM, only root may; -ENODEV, the kernel has none. Does not
 * block. */
int wq_tracefs_mount(void);

#endif
