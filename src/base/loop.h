/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread, one epoll: descriptors that become ready and times that come due. */
#ifndef WQ_LOOP_H
#define WQ_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"

struct wq_loop;

/* Embedded in its owner, who closes the fd, after wq_loop_del(). ready() is called
 * with epoll's events and may not block; it may delete any. */
struct wq_loop_fd {
	int fd;
	void (*ready)(struct wq_loop_fd *watched, uint32_t events);
	bool can_wait; /* it is work of ours, which nobody has asked for: see wq_loop_run() */
};

/* Embedded in its owner; all zero but fire is a timer that is not set. fire() may set
 * it again. */
struct wq_timer {
	void (*fire)(struct wq_timer *timer);
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	bool set;
	TAILQ_ENTRY(wq_timer) node;
};

/* NULL with errno set. */
struct wq_loop *wq_loop_new(void);
void wq_loop_free(struct wq_loop *loop);

/* Watches WATCHED->fd for EVENTS (EPOLLIN...). 0 or -errno of epoll_ctl(). */
int wq_loop_add(struct wq_loop *loop, struct wq_loop_fd *watched, uint32_t events);
void wq_loop_del(struct wq_loop *loop, struct wq_loop_fd *watched);

/* Fires TIMER once at DUE_NS; a time that has passed means on the loop's next round,
 * after the descriptors that cannot wait. Setting a set timer moves it. */
void wq_timer_set(struct wq_loop *loop, struct wq_timer *timer, uint64_t due_ns);
void wq_timer_clear(struct wq_loop *loop, struct wq_timer *timer);

/* FN(ARG) is called each time before the loop waits; NULL: nothing is. It may do what ready()
 * and fire() may. */
void wq_loop_before_wait(struct wq_loop *loop, void (*fn)(void *arg), void *arg);

/* Runs until wq_loop_stop(), also where that was called before; then it may be run again.
 * Descriptors that cannot wait come first. Those that can, and timers, have a millisecond a
 * turn, whatever the last of them takes; the two take turns in coming first, so that neither
 * waits for ever. 0, or -errno of epoll_wait(). */
int wq_loop_run(struct wq_loop *loop);
void wq_loop_stop(struct wq_loop *loop);

#endif
