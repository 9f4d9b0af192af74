/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupt moderation, as drivers of network cards have it: while much comes, a descriptor is
 * looked at by a timer, and wakes nobody. Else each event that finds the daemon asleep wakes
 * it, for which the process pays that caused the event, and one event is handled at a time.
 */
#ifndef WQ_MODERATION_H
#define WQ_MODERATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"

/* How long an event may wait while much comes, and how many events that are in such a time. */
#define WQ_MODERATION_NS   (WQ_NSEC_PER_MSEC / 4)
#define WQ_MODERATION_MANY 8

/* Embedded in its owner. All zero before wq_moderation_begin(). */
struct wq_moderation {
	struct wq_loop *loop; /* NULL: it has not begun */
	struct wq_loop_fd *fd;
	struct wq_timer timer; /* set: the loop does not watch the descriptor */
	uint64_t since_ns;
	size_t came; /* since then */
};

/* LOOP watches FD for events to read. When there may be some FD->ready() is called, which calls
 * wq_moderation_count(). FD stays the caller's. 0 or -errno of epoll_ctl(). */
int wq_moderation_begin(struct wq_moderation *m, struct wq_loop *loop, struct wq_loop_fd *fd);

/* Ends that, if it has begun. */
void wq_moderation_leave(struct wq_moderation *m);

/* N events were read at NOW_NS (CLOCK_MONOTONIC), and there are no more. */
void wq_moderation_count(struct wq_moderation *m, size_t n, uint64_t now_ns);

#endif
