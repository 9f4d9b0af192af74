/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two daemons that start at the same moment would both find that nothing is mounted, and stack
 * two mounts. So those of one user look and mount one after the other.
 */
#ifndef WQ_MOUNT_LOCK_H
#define WQ_MOUNT_LOCK_H

/* Takes the lock. It is a file where nobody else can take it: in /run for root, else in
 * XDG_RUNTIME_DIR. A user who has no such place takes MOUNTPOINT itself, unless a dead mount is
 * there; who may read that directory can hold the lock, too. Returns a descriptor for
 * wq_mount_unlock(); -1: it cannot be taken, or who has it has not mounted for five seconds,
 * and the caller goes on without. */
int wq_mount_lock(const char *mountpoint);
void wq_mount_unlock(int lock);

#endif
