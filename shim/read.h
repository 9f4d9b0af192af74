/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a queue in a way that the kernel's freezer can stop while it waits: a read()
 * waits for the daemon's answer, and if that is frozen already, so does the freezer. So
 * queues are asked without waiting, which is over soon, and the wait is for an epoll.
 *
 * All functions are safe in threads, after fork and in signal handlers, and keep errno.
 * They are cancellation points, as what they stand for.
 */
#ifndef WQSHIM_READ_H
#define WQSHIM_READ_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/* A blocking readv(FD, TO, COUNT) of a queue; TO is ours, what it points to the program's.
 * *RET is its result, or -errno: that of an interruption where no handler says that it goes
 * on. False: it is for the C library to do, for FD is no queue that this process has met,
 * or has O_NONBLOCK, or is not to be read; or what it points to is no memory; or no
 * descriptor is left for the wait, which takes two: one is of the same description, so that
 * it outlasts a close() by another thread, as a read() of a pipe does. */
bool wqshim_wait_read(int fd, const struct iovec *to, int count, ssize_t *ret);

/* The same for an array of the program's, which may be at no address at all. False also
 * where COUNT is above WQSHIM_IOV_MAX. */
#define WQSHIM_IOV_MAX 16
bool wqshim_wait_readv(int fd, const struct iovec *to, int count, ssize_t *ret);

#endif
