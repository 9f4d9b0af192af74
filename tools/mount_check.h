/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a wqfs can serve the caller. */
#ifndef WQ_MOUNT_CHECK_H
#define WQ_MOUNT_CHECK_H

/* Tries the wqfs at DIR by making a queue without a name there, which goes at once. 0;
 * -ENOTTY: no wqfs is mounted there; -ENOTCONN: its daemon is dead; -EDQUOT: as many
 * queues as the mount allows; -EACCES, -ENOENT and what else opening gives. Blocks if
 * the daemon does. */
int wq_mount_check(const char *dir);

/* Finds the wqfs for a caller who needs queues without a name, wherever they are: of the mounts
 * that wq_mount_find() considers and that serve, one that learns of changes in the best way.
 * $WQFS_MOUNT is taken as it is. Errors are those of wq_mount_find(). Blocks if a daemon does.
 */
int wq_mount_find_serving(char **path);

/* What wq_mount_check()'s error ERR means for the user, without the directory's name.
 * Static, or strerror()'s. */
const char *wq_mount_reason(int err);

#endif
