/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points that wait for descriptors. If a program has used no queue, or does not wait,
 * one or two comparisons pass its call on.
 */
#include "plain.h"

#include "wait_entry.h"

#define MS_PER_S  1000
#define NS_PER_MS 1000000L

static COLD bool own_poll(struct pollfd *fds, nfds_t n, int timeout, int *ret)
{
	struct wqshim_time t = {timeout / MS_PER_S, timeout % MS_PER_S * NS_PER_MS};
	int saved = errno;

	if (timeout == 0 || !wqshim_wait_poll(fds, n, timeout < 0 ? NULL : &t, NULL, ret))
		return false;
	if (*ret >= 0)
		errno = saved;
	return true;
}

WAIT_ENTRY(poll, "poll", (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout),
	own_poll(fds, n, timeout, &ret))
WAIT_ENTRY(poll_chk, "__poll_chk", (struct pollfd * fds, nfds_t n, int timeout, size_t size),
	(fds, n, timeout, size), size / sizeof(*fds) >= n && own_poll(fds, n, timeout, &ret))
PPOLL_ENTRY(ppoll, "ppoll")
PPOLL_CHK_ENTRY(ppoll_chk, "__ppoll_chk")
SELECT_ENTRY(select, "select")
PSELECT_ENTRY(pselect, "pselect")
