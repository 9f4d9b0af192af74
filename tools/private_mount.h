/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wqfs for one process: it is there until that process ends, whatever way that is.
 *
 * A keeper, which is no child of the process and in a session (and so a terminal) of its
 * own, runs the daemon, waits for the end of the process by a pidfd, and then stops the
 * daemon and removes the mount point. The process itself is left as it was: it has no
 * child that it does not know of, no descriptor, no signal handler; it may exec.
 */
#ifndef WQ_PRIVATE_MOUNT_H
#define WQ_PRIVATE_MOUNT_H

/* Runs DAEMON for the calling process, in its session keyring, mounted on a new directory
 * (see private_dir.h: the process may have a mount namespace of its own afterwards); nobody
 * else can enter that, except that root's lets in what its command becomes by setuid(). Returns
 * when the mount answers, 0 with the mount point in PATH (the caller's to free); or an error,
 * which was said on stderr. Blocks until the daemon has mounted or ended. */
int wq_private_mount(const char *daemon, char **path);

#endif
