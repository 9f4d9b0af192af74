/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the wqfs that a caller means, and the path that a name of a queue means. */
#ifndef WQ_MOUNT_FIND_H
#define WQ_MOUNT_FIND_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define WQ_MOUNT_TYPE	 "fuse.wqfs"
#define WQ_MOUNT_SYSTEM	 "/run/wqfs"
#define WQ_MOUNT_ENV	 "WQFS_MOUNT"
#define WQ_MOUNT_PRIVATE "wqrun" /* the source of a mount that wqrun made for one command */

/* Finds the wqfs of a caller who names none: $WQFS_MOUNT if it is set, whatever it names; else
 * a mount that the caller made ($XDG_RUNTIME_DIR/wqfs before others); else a mount of the
 * system, WQ_MOUNT_SYSTEM before others that let the caller in. Root's own mounts count as the
 * system's. Mounts that wqrun made for one command are never chosen. The caller frees PATH. 0;
 * -ENOENT: there is none; -ENOMEM; or the error of opening /proc/self/mounts. A mount on demand
 * at one of these places is mounted first. Checks whether
 * the file systems that it considers can be entered, which blocks if a daemon
 * does not answer. */
int wq_mount_find(char **path);

/* From now on SAY is called with each mount that is found, unless it is the one of before. */
void wq_mount_find_says(void (*say)(const char *dir));

/* Like wq_mount_find(), but chooses the mount that is worth the most; of several, the first in
 * the order of wq_mount_find(). WORTH rates a mount point; a negative result means that it
 * cannot be used. Mounts of others than the caller and root are worth 0 at most. */
int wq_mount_find_best(int (*worth)(const char *dir), char **path);

/* Makes the choice itself, so that tests can call it: among MOUNTS (in the form of fstab(5)),
 * for UID, whose runtime directory is RUNTIME_DIR or NULL. */
int wq_mount_choose(FILE *mounts, uid_t uid, const char *runtime_dir,
	int (*worth)(const char *dir), char **path);

/* True if PATH is on another user's wqfs that is mounted without allow_other. FUSE then lets
 * nobody else in, not even root. Sends no request to that wqfs. */
bool wq_mount_is_closed(const char *path);

/* The same, for tests: among MOUNTS (in the form of fstab(5)), for UID. PATH is absolute. */
bool wq_mount_closes(FILE *mounts, uid_t uid, const char *path);

/* True if DIR is the root of a mounted wqfs. */
bool wq_is_mount(const char *dir);

/* Finds the path that NAME means. That is NAME itself if it contains a '/', or if it is a file
 * here, or if the working directory is the root of a wqfs. Otherwise it is NAME on the wqfs
 * that wq_mount_find() finds, with the errors of that. The queue need not exist. The caller
 * frees PATH. */
int wq_queue_path(const char *name, char **path);

#endif
