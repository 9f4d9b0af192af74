/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a wqfs can serve the caller. */
#ifndef WQ_MOUNT_CHECK_H
#define WQ_MOUNT_CHECK_H

#include <stdbool.h>

/* Tests the wqfs at DIR: makes a queue without a name there, which disappears at once. 0;
 * -ENOTTY: no wqfs is mounted there; -ENOTCONN: its daemon is dead; -EDQUOT: the user has as
 * many queues as the mount allows; -EACCES, -ENOENT and the other errors of open(). Blocks if
 * the daemon does not answer. */
int wq_mount_check(const char *dir);

/* Is the wqfs of the open queue FD, or the one at DIR, of an earlier version than this program
 * (WQFS_ABI)? Then it may lack what the program asks for. False if it does not answer. */
bool wq_queue_is_old(int fd);
bool wq_mount_is_old(const char *dir);
#define WQ_MOUNT_OLD "this wqfs was started before the last upgrade: it must be started anew"

/* Finds a wqfs for a caller who needs queues without names and does not care where they are. Of
 * the mounts that wq_mount_find() considers and that serve the caller, it chooses one with the
 * best source of changes. It takes $WQFS_MOUNT as it is. Errors are those of wq_mount_find().
 * Blocks if a daemon does not answer. */
int wq_mount_find_serving(char **path);

/* How the wqfs at DIR learns of changes, in the words of user.wqfs.source; "" if it does not
 * say. The text is static. Blocks if the daemon does not answer. */
const char *wq_mount_source(const char *dir);

/* Says on standard error, in the name of PROGRAM, that the wqfs at DIR is used, and its source.
 */
void wq_mount_say(const char *program, const char *dir);

/* What who is not let in is told; see wq_mount_is_closed(). */
#define WQ_MOUNT_CLOSED                                                            \
	"this wqfs is another user's, and mounted without allow_other: FUSE lets " \
	"nobody else in, not even root"

/* What wq_mount_check()'s error ERR for DIR means for the user, without the directory's name.
 * The text is static, or belongs to strerror(). */
const char *wq_mount_reason(const char *dir, int err);

#endif
