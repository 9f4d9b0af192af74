/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wqfs for one process, which exists until that process ends, however it ends.
 *
 * A keeper runs the daemon, waits for the end of the process by a pidfd, then stops the daemon
 * and removes the mount point. The keeper is no child of the process, and has a session (and so
 * a terminal) of its own. The process itself stays as it was: it gets no unexpected child,
 * descriptor or signal handler, and may call exec().
 */
#ifndef WQ_PRIVATE_MOUNT_H
#define WQ_PRIVATE_MOUNT_H

/* Starts DAEMON for the calling process, in its session keyring, mounted on a new directory
 * (see private_dir.h: the process may have a mount namespace of its own afterwards). Nobody
 * else can enter the mount; only a mount of root's also lets in the user that the command
 * becomes by setuid(). Returns when the mount answers: 0 with the mount point in PATH, which
 * the caller frees; or an error, after a message on stderr. Blocks until the daemon has mounted
 * or ended. */
int wq_private_mount(const char *daemon, char **path);

#endif
