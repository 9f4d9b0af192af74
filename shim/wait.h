/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for queues in a way that the kernel's freezer can stop. A poll() that is woken asks
 * every file again. A FUSE file asks its daemon, and cannot be interrupted. So a poll() that is
 * woken to be frozen would wait for a daemon that is frozen already. An epoll asks only after
 * an event. So an epoll holds the queues, and the program waits for the epoll.
 *
 * All functions are safe in threads, after fork and in signal handlers, and keep errno unless
 * they fail. They are cancellation points, as the functions that they replace.
 */
#ifndef WQSHIM_WAIT_H
#define WQSHIM_WAIT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/select.h>

/* A span of time, in seconds and nanoseconds. Unlike struct timespec it is the same for every
 * entry point: on 32-bit systems some programs have times of 32 bits, and others of 64. */
struct wqshim_time {
	int64_t s;
	long ns;
};

/* ppoll(FDS, N, TIMEOUT, MASK), with the result (or -1 and errno) in *RET. TIMEOUT NULL waits
 * for ever; MASK NULL leaves the signal mask alone. A signal that comes after this was called
 * ends the wait. False: the caller leaves the call to the C library, because FDS is not
 * readable or has more than WQSHIM_POLL_MAX entries, or TIMEOUT is invalid. */
#define WQSHIM_POLL_MAX 256
bool wqshim_wait_poll(struct pollfd *fds, nfds_t n, const struct wqshim_time *timeout,
	const sigset_t *mask, int *ret);

/* The same for pselect(N, SETS[0], SETS[1], SETS[2], TIMEOUT, MASK), with the SETS that the
 * program gave. Also false if N is above FD_SETSIZE, or there is no SETS[0]. *LEFT is the time
 * that remains of TIMEOUT. */
bool wqshim_wait_select(int n, fd_set *const sets[3], const struct wqshim_time *timeout,
	const sigset_t *mask, struct wqshim_time *left, int *ret);

#endif
