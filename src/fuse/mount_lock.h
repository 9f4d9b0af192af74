/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two daemons that start at the same moment would both find that nothing is mounted, and stack
 * two mounts. So those of one user look and mount one after the other.
 */
#ifndef WQ_MOUNT_LOCK_H
#define WQ_MOUNT_LOCK_H

/* Takes the lock, which is a file where nobody else can take it: in /run for root, else in
 * XDG_RUNTIME_DIR. Returns a descriptor for wq_mount_unlock(); -1: there is no such place, or
 * who has the lock has not mounted for five seconds, and the caller goes on without. */
int wq_mount_lock(void);
void wq_mount_unlock(int lock);

#endif
