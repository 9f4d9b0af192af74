/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue as a program written for the kernel's facility holds it: as two descriptors of a
 * pipe. The library remembers no descriptors. It asks each descriptor what it is, so that dup,
 * fork, exec, SCM_RIGHTS and close need no help. All functions are safe in threads, after fork
 * and in signal handlers. They keep errno and return -errno.
 */
#ifndef WQSHIM_QUEUE_FD_H
#define WQSHIM_QUEUE_FD_H

#include <stdatomic.h>
#include <stdbool.h>

/* The mount that $WQFS_MOUNT names, or NULL. */
const char *wqshim_mount(void);

/* Does the environment still have MOUNT, which wqshim_mount() has returned? Much faster than
 * wqshim_mount(), because it compares addresses only: so it does not see that the program has
 * overwritten the path in place. */
bool wqshim_mount_is(const char *mount);

/* Opens the root directory of that mount, which the caller closes; -ENOENT if no mount is
 * named, or the error of open(). */
int wqshim_open_mount(void);

/* Does pipe2() with O_NOTIFICATION_PIPE in FLAGS on the mount: FDS gets the reading and the
 * writing end of a new queue without a name and without a size. 0, or an error of pipe2():
 * -EINVAL, -EMFILE, -ENFILE (also: the user has as many queues as the mount allows), -EFAULT;
 * -ENOPKG, as from a kernel without the facility, if there is no mount to use. On error FDS
 * stays as it was. Waits for the daemon. */
int wqshim_queue_new(int fds[2], int flags);

/* Is FD a queue of some wqfs? False also if FD is not open. */
bool wqshim_is_queue(int fd);

/* Is FD open for reading without O_NONBLOCK, and on the mount of the queue that this process
 * used last? (All files of a wqfs are queues.) Costs nearly nothing for other files, and asks
 * no daemon. */
bool wqshim_is_blocking_queue(int fd);

/* Is FD a file of a FUSE filesystem whose daemon has ended? Nobody can tell any more what file
 * it was. */
bool wqshim_is_dead_queue(int fd);

/* Is the file PATH a queue whose attributes we may read? */
bool wqshim_names_queue(const char *path);

/* F_GETPIPE_SZ on a queue: bytes, as on a kernel with pages of 4096; -EBADF if FD is none. */
int wqshim_pipe_size(int fd);

/* Has this process, or one that it was forked from, made or used a queue yet? A process may
 * also hold a queue without that, so this says only what is likely, and never what a descriptor
 * is. */
extern atomic_bool wqshim_queue_was_met;
static inline bool wqshim_met_queue(void)
{
	return atomic_load_explicit(&wqshim_queue_was_met, memory_order_relaxed);
}

/* Does IOC_WATCH_QUEUE_SET_FILTER on a queue. FILTER is what the program gave: NULL, a filter
 * in the kernel's layout, or an invalid address. Returns the kernel's errors. */
int wqshim_set_filter(int fd, const void *filter);

/* A signal handler has run. Have all handlers of the program SA_RESTART? Nobody can tell which
 * of them ran. */
bool wqshim_handlers_restart(void);

/* May we repeat a read that a signal interrupted, as the kernel would for a pipe? FUSE gives
 * EINTR for every signal, also for a stop and for a suspend of the machine. */
bool wqshim_read_restarts(int fd);

#endif
