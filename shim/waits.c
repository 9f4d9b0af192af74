/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points that wait for descriptors. If a program has used no queue, or does not wait,
 * one or two comparisons pass its call on.
 */
#include "config.h"

/* Each entry point must be compiled under its own name, and with its own structure. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS

#include <errno.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "export.h"
#include "next.h"
#include "queue_fd.h"
#include "wait.h"

#define MS_PER_S  1000
#define NS_PER_MS 1000000L
#define NS_PER_US 1000L

/* Defines the entry point SYMBOL, which calls the C library's unless OWN has answered. */
#define ENTRY(name, symbol, params, args, own)                           \
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

static COLD bool own_poll(struct pollfd *fds, nfds_t n, int timeout, int *ret)
{
	struct timespec t = {timeout / MS_PER_S, timeout % MS_PER_S * NS_PER_MS};
	int saved = errno;

	if (timeout == 0 || !wqshim_wait_poll(fds, n, timeout < 0 ? NULL : &t, NULL, ret))
		return false;
	if (*ret >= 0)
		errno = saved;
	return true;
}

static COLD bool own_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask, int *ret)
{
	int saved = errno;

	if (!wqshim_wait_poll(fds, n, timeout, mask, ret))
		return false;
	if (*ret >= 0)
		errno = saved;
	return true;
}

static COLD bool own_pselect(int n, fd_set *const sets[3], const struct timespec *timeout,
	const sigset_t *mask, struct timespec *left, int *ret)
{
	int saved = errno;

	if (!wqshim_wait_select(n, sets, timeout, mask, left, ret))
		return false;
	if (*ret >= 0)
		errno = saved;
	return true;
}

/* Linux stores in TIMEOUT how much of it is left, also after an error. */
static COLD bool own_select(int n, fd_set *const sets[3], struct timeval *timeout, int *ret)
{
	struct timespec t, left;

	if (timeout) {
		if (timeout->tv_usec < 0 || timeout->tv_usec >= 1000000)
			return false;
		t.tv_sec = timeout->tv_sec;
		t.tv_nsec = timeout->tv_usec * NS_PER_US;
	}
	if (!own_pselect(n, sets, timeout ? &t : NULL, NULL, &left, ret))
		return false;
	if (timeout) {
		timeout->tv_sec = left.tv_sec;
		timeout->tv_usec = left.tv_nsec / NS_PER_US;
	}
	return true;
}

/* SIZE is how much room FDS has. If that is less than N the C library reports it. */
ENTRY(poll, "poll", (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout),
	own_poll(fds, n, timeout, &ret))
ENTRY(poll_chk, "__poll_chk", (struct pollfd * fds, nfds_t n, int timeout, size_t size),
	(fds, n, timeout, size), size / sizeof(*fds) >= n && own_poll(fds, n, timeout, &ret))
ENTRY(ppoll, "ppoll",
	(struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
	(fds, n, timeout, mask), own_ppoll(fds, n, timeout, mask, &ret))
ENTRY(ppoll_chk, "__ppoll_chk",
	(struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size),
	(fds, n, timeout, mask, size),
	size / sizeof(*fds) >= n && own_ppoll(fds, n, timeout, mask, &ret))
ENTRY(select, "select", (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *timeout),
	(n, r, w, x, timeout), own_select(n, (fd_set *const[3]){r, w, x}, timeout, &ret))
ENTRY(pselect, "pselect",
	(int n, fd_set *r, fd_set *w, fd_set *x, const struct timespec *timeout,
		const sigset_t *mask),
	(n, r, w, x, timeout, mask),
	own_pselect(n, (fd_set *const[3]){r, w, x}, timeout, mask, &(struct timespec){0}, &ret))
