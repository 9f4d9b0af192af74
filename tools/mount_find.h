/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the wqfs is that a caller means, and what its name for a queue means. */
#ifndef WQ_MOUNT_FIND_H
#define WQ_MOUNT_FIND_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define WQ_MOUNT_TYPE	 "fuse.wqfs"
#define WQ_MOUNT_SYSTEM	 "/run/wqfs"
#define WQ_MOUNT_ENV	 "WQFS_MOUNT"
#define WQ_MOUNT_PRIVATE "wqrun" /* the source of a mount that is for one command alone */

/* Finds the wqfs of a caller who names none: $WQFS_MOUNT if it is set, whatever it
 * names; else a mount that the caller made ($XDG_RUNTIME_DIR/wqfs before others); else
 * the system's, WQ_MOUNT_SYSTEM before others that let the caller in. Root's own mounts
 * count as the system's; those that wqrun made for one command are nobody else's. PATH is the
 * caller's to free. 0; -ENOENT: there is none; -ENOMEM; what opening /proc/self/mounts gives.
 * Asks the file systems it considers whether they can be entered, which blocks if their daemon
 * does. */
int wq_mount_find(char **path);

/* The same; but of the mounts that wq_mount_find() considers, the first in its order of those
 * that are worth the most. WORTH is asked about mount points: negative is not usable. */
int wq_mount_find_best(int (*worth)(const char *dir), char **path);

/* The choice itself, for tests: among MOUNTS (in the form of fstab(5)), for UID, whose
 * runtime directory is RUNTIME_DIR or NULL. */
int wq_mount_choose(FILE *mounts, uid_t uid, const char *runtime_dir,
	int (*worth)(const char *dir), char **path);

/* True if PATH is on a wqfs of another user's that is mounted without allow_other: FUSE lets
 * nobody in then, root neither. Asks that wqfs nothing. */
bool wq_mount_is_closed(const char *path);

/* The same for tests: among MOUNTS (in the form of fstab(5)), for UID; PATH is absolute. */
bool wq_mount_closes(FILE *mounts, uid_t uid, const char *path);

/* True if DIR is the root of a mounted wqfs. */
bool wq_is_mount(const char *dir);

/* Finds the path that NAME means: NAME itself if it has a '/', or is a file here, or
 * the working directory is the root of a wqfs; else NAME on the wqfs of
 * wq_mount_find(), with its errors. Says nothing about whether the queue exists. PATH is
 * the caller's to free. */
int wq_queue_path(const char *name, char **path);

#endif
