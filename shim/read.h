/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a queue in a way that the kernel's freezer can stop. A read() waits for the daemon's
 * answer; if the daemon is frozen already the freezer waits, too. So we ask the queue without
 * waiting, which is soon over, and wait for an epoll descriptor.
 *
 * All functions are safe in threads, after fork and in signal handlers, and keep errno. They
 * are cancellation points, as the functions that they replace.
 */
#ifndef WQSHIM_READ_H
#define WQSHIM_READ_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/* A blocking readv(FD, TO, COUNT) of a queue. TO is our memory and points to the program's.
 * *RET is the result, or -errno: EINTR only where a handler without SA_RESTART may have run.
 * False: the caller leaves the read to the C library, because FD is no queue that this process
 * has used, has O_NONBLOCK or is not open for reading, or TO points to invalid memory, or no
 * descriptor is left. The wait takes two: one shares the description of FD, so that it outlasts
 * a close() by another thread, as a read() of a pipe does. */
bool wqshim_wait_read(int fd, const struct iovec *to, int count, ssize_t *ret);

/* The same for an array in the program's memory, which may be at an invalid address. Also false
 * if COUNT is above WQSHIM_IOV_MAX. */
#define WQSHIM_IOV_MAX 16
bool wqshim_wait_readv(int fd, const struct iovec *to, int count, ssize_t *ret);

#endif
