/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Defines entry points that wait for descriptors, with the struct timespec and struct timeval
 * of the file that includes this.
 */
#ifndef WQSHIM_WAIT_ENTRY_H
#define WQSHIM_WAIT_ENTRY_H

#include <errno.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "export.h"
#include "next.h"
#include "queue_fd.h"
#include "wait.h"

#define NS_PER_US 1000L

/* Defines the entry point SYMBOL, which calls the C library's unless OWN has answered. */
#define WAIT_ENTRY(name, symbol, params, args, own)                      \
	int wqshim_##name params EXPORT(symbol);                         \
	int wqshim_##name params                                         \
	{                                                                \
		static _Atomic(void *) found;                            \
		int(*next) params = wqshim_next_by_name(&found, symbol); \
		int ret;                                                 \
                                                                         \
		if (unlikely(!next)) {                                   \
			errno = ENOSYS;                                  \
			return -1;                                       \
		}                                                        \
		if (unlikely(wqshim_met_queue()) && own)                 \
			return ret;                                      \
		return next args;                                        \
	}

static COLD bool own_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask, int *ret)
{
	struct wqshim_time t;
	int saved = errno;

	if (timeout)
		t = (struct wqshim_time){timeout->tv_sec, timeout->tv_nsec};
	if (!wqshim_wait_poll(fds, n, timeout ? &t : NULL, mask, ret))
		return false;
	if (*ret >= 0)
		errno = saved;
	return true;
}

static COLD bool wait_select(int n, fd_set *const sets[3], const struct wqshim_time *timeout,
	const sigset_t *mask, struct wqshim_time *left, int *ret)
{
	int saved = errno;

	if (!wqshim_wait_select(n, sets, timeout, mask, left, ret))
		return false;
	if (*ret >= 0)
		errno = saved;
	return true;
}

static COLD bool own_pselect(int n, fd_set *const sets[3], const struct timespec *timeout,
	const sigset_t *mask, int *ret)
{
	struct wqshim_time t, left;

	if (timeout)
		t = (struct wqshim_time){timeout->tv_sec, timeout->tv_nsec};
	return wait_select(n, sets, timeout ? &t : NULL, mask, &left, ret);
}

/* Linux stores in TIMEOUT how much of it is left, also after an error. */
static COLD bool own_select(int n, fd_set *const sets[3], struct timeval *timeout, int *ret)
{
	struct wqshim_time t, left;

	if (timeout) {
		if (timeout->tv_usec < 0 || timeout->tv_usec >= 1000000)
			return false;
		t.s = timeout->tv_sec;
		t.ns = (long)timeout->tv_usec * NS_PER_US;
	}
	if (!wait_select(n, sets, timeout ? &t : NULL, NULL, &left, ret))
		return false;
	if (timeout) {
		timeout->tv_sec = (time_t)left.s;
		timeout->tv_usec = left.ns / NS_PER_US;
	}
	return true;
}

#define PPOLL_ENTRY(name, symbol)                                         \
	WAIT_ENTRY(name, symbol,                                          \
		(struct pollfd * fds, nfds_t n, const struct timespec *t, \
			const sigset_t *mask),                            \
		(fds, n, t, mask), own_ppoll(fds, n, t, mask, &ret))

/* SIZE is how much room FDS has. If that is less than N the C library reports it. */
#define PPOLL_CHK_ENTRY(name, symbol)                                     \
	WAIT_ENTRY(name, symbol,                                          \
		(struct pollfd * fds, nfds_t n, const struct timespec *t, \
			const sigset_t *mask, size_t size),               \
		(fds, n, t, mask, size),                                  \
		size / sizeof(*fds) >= n && own_ppoll(fds, n, t, mask, &ret))

#define SELECT_ENTRY(name, symbol)                                                            \
	WAIT_ENTRY(name, symbol, (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t), \
		(n, r, w, x, t), own_select(n, (fd_set *const[3]){r, w, x}, t, &ret))

#define PSELECT_ENTRY(name, symbol)                                                \
	WAIT_ENTRY(name, symbol,                                                   \
		(int n, fd_set *r, fd_set *w, fd_set *x, const struct timespec *t, \
			const sigset_t *mask),                                     \
		(n, r, w, x, t, mask),                                             \
		own_pselect(n, (fd_set *const[3]){r, w, x}, t, mask, &ret))

#endif
