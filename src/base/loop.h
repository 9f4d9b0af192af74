/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread with one epoll: descriptors that become ready, and timers that become due. */
#ifndef WQ_LOOP_H
#define WQ_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"

struct wq_loop;

/* Embedded in its owner, who closes the fd after wq_loop_del(). The loop calls ready() with
 * epoll's events. ready() may not block, and may delete any descriptor. */
struct wq_loop_fd {
	int fd;
	void (*ready)(struct wq_loop_fd *watched, uint32_t events);
	bool can_wait; /* this is our own work that nobody waits for: see wq_loop_run() */
};

/* Embedded in its owner. If all fields but fire are zero it is not set. fire()
 * may set it again. */
struct wq_timer {
	void (*fire)(struct wq_timer *timer);
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	bool set;
	TAILQ_ENTRY(wq_timer) node;
};

/* A new loop; NULL with errno set. */
struct wq_loop *wq_loop_new(void);
void wq_loop_free(struct wq_loop *loop);

/* Watches WATCHED->fd for EVENTS (EPOLLIN...). 0 or -errno of epoll_ctl(). */
int wq_loop_add(struct wq_loop *loop, struct wq_loop_fd *watched, uint32_t events);
void wq_loop_del(struct wq_loop *loop, struct wq_loop_fd *watched);

/* Fires TIMER once at DUE_NS. If that time has passed it fires in the loop's next turn, after
 * the descriptors that cannot wait. Setting a timer that is set moves it. */
void wq_timer_set(struct wq_loop *loop, struct wq_timer *timer, uint64_t due_ns);
void wq_timer_clear(struct wq_loop *loop, struct wq_timer *timer);

/* The loop calls FN(ARG) each time before it waits; NULL: it calls nothing. FN may do all that
 * ready() and fire() may. */
void wq_loop_before_wait(struct wq_loop *loop, void (*fn)(void *arg), void *arg);

/* Runs until wq_loop_stop() is called, or returns at once if it was called before; then the
 * loop can run again. In each turn the descriptors that cannot wait come first. Those that can
 * wait, and timers, have half a millisecond a turn, which the last callback may exceed. The two
 * kinds take turns in coming first, so that neither waits for ever. 0, or -errno of
 * epoll_wait(). */
int wq_loop_run(struct wq_loop *loop);
void wq_loop_stop(struct wq_loop *loop);

#endif
