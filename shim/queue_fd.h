/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue as a program of the kernel's facility holds it: two descriptors of a pipe.
 * Nothing is remembered: what a descriptor is, is asked of the descriptor, so that
 * dup, fork, exec, SCM_RIGHTS and close need no help. All functions are safe in
 * threads, after fork and in signal handlers; they keep errno and return -errno.
 */
#ifndef WQSHIM_QUEUE_FD_H
#define WQSHIM_QUEUE_FD_H

#include <stdatomic.h>
#include <stdbool.h>

/* The mount that $WQFS_MOUNT names, or NULL. */
const char *wqshim_mount(void);

/* Its root directory, to be closed by the caller; -ENOENT if none is named, or open()'s
 * error. */
int wqshim_open_mount(void);

/* pipe2() with O_NOTIFICATION_PIPE in FLAGS, on the mount: FDS gets the reading and the
 * writing end of a new unsized queue without a name. 0, or pipe2()'s errors: -EINVAL,
 * -EMFILE, -ENFILE (also: more queues than the mount allows this user), -EFAULT;
 * -ENOPKG, as from a kernel without the facility, if there is no mount to use. FDS is
 * untouched on error. Waits for the daemon. */
int wqshim_queue_new(int fds[2], int flags);

/* Is FD a queue of some wqfs? No if it is no open descriptor. */
bool wqshim_is_queue(int fd);

/* Is FD open for reading without O_NONBLOCK, and a file of the mount of which a queue was met
 * last? Costs nearly nothing for others and asks no daemon; all files of a wqfs are queues. */
bool wqshim_is_blocking_queue(int fd);

/* Is FD a file of a FUSE whose daemon is gone? What it was cannot be asked any more. */
bool wqshim_is_dead_queue(int fd);

/* Is the file PATH a queue, and its attributes ours to read? */
bool wqshim_names_queue(const char *path);

/* F_GETPIPE_SZ on a queue: bytes, as on a kernel with pages of 4096; -EBADF if FD is none. */
int wqshim_pipe_size(int fd);

/* Has this process, or one that it was forked from, made or used a queue yet? It may hold
 * one all the same; this says what is likely, never what a descriptor is. */
extern atomic_bool wqshim_queue_was_met;
static inline bool wqshim_met_queue(void)
{
	return atomic_load_explicit(&wqshim_queue_was_met, memory_order_relaxed);
}

/* IOC_WATCH_QUEUE_SET_FILTER on a queue, FILTER as the program gave it: NULL, or in the
 * kernel's layout, or no valid address at all. The kernel's errors. */
int wqshim_set_filter(int fd, const void *filter);

/* A handler has run: does every one that the program has say SA_RESTART? Nobody can tell which
 * it was. */
bool wqshim_handlers_restart(void);

/* May a read that a signal interrupted be begun again, as the kernel would for a pipe?
 * FUSE gives EINTR for every signal, for a stop and for a suspend of the machine too. */
bool wqshim_read_restarts(int fd);

#endif
