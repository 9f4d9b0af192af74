/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/container.h"
#include "base/loop.h"
#include "base/unused.h"

#define BATCH 32

struct wq_loop {
	int epfd;
	bool stop;
	struct wq_loop_fd timerfd;
	uint64_t armed_ns; /* the time that the timerfd is set to; 0: it is not set */
	TAILQ_HEAD(timers, wq_timer) timers; /* sorted by due_ns */
	struct epoll_event batch[BATCH];
	int nbatch;
	bool timers_first; /* in this turn timers come before the descriptors that can wait */
	void (*before_wait)(void *arg);
	void *arg; /* the argument of that function */
};

static void drain_timerfd(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct wq_loop *loop = wq_container_of(watched, struct wq_loop, timerfd);
	uint64_t n;

	(void)!read(watched->fd, &n, sizeof(n));
	loop->armed_ns = 0;
}

struct wq_loop *wq_loop_new(void)
{
	struct wq_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	TAILQ_INIT(&loop->timers);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	loop->timerfd.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	loop->timerfd.ready = drain_timerfd;
	if (loop->epfd < 0 || loop->timerfd.fd < 0 ||
		wq_loop_add(loop, &loop->timerfd, EPOLLIN) < 0) {
		int e = errno;

		wq_loop_free(loop);
		errno = e;
		return NULL;
	}
	return loop;
}

void wq_loop_free(struct wq_loop *loop)
{
	if (!loop)
		return;
	if (loop->timerfd.fd >= 0)
		close(loop->timerfd.fd);
	if (loop->epfd >= 0)
		close(loop->epfd);
	free(loop);
}

int wq_loop_add(struct wq_loop *loop, struct wq_loop_fd *watched, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = watched};

	return epoll_ctl(loop->epfd, EPOLL_CTL_ADD, watched->fd, &ev) < 0 ? -errno : 0;
}

void wq_loop_del(struct wq_loop *loop, struct wq_loop_fd *watched)
{
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, watched->fd, NULL);
	/* Drop an event of this batch that has not been handled yet. */
	for (int i = 0; i < loop->nbatch; i++)
		if (loop->batch[i].data.ptr == watched)
			loop->batch[i].data.ptr = NULL;
}

void wq_timer_set(struct wq_loop *loop, struct wq_timer *timer, uint64_t due_ns)
{
	struct wq_timer *t;
	uint64_t now = wq_now_ns();

	wq_timer_clear(loop, timer);
	if (due_ns < now)
		due_ns = now;
	timer->due_ns = due_ns;
	timer->set = true;
	/* from the tail: most timers run as long as those before them, and are
	 * due after them */
	TAILQ_FOREACH_REVERSE (t, &loop->timers, timers, node) {
		if (t->due_ns <= due_ns) {
			TAILQ_INSERT_AFTER(&loop->timers, t, timer, node);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&loop->timers, timer, node);
}

void wq_timer_clear(struct wq_loop *loop, struct wq_timer *timer)
{
	if (!timer->set)
		return;
	TAILQ_REMOVE(&loop->timers, timer, node);
	timer->set = false;
}

/* Sets the timerfd to the first timer, unless it wakes us before that anyway: a timer that is
 * set for each record, and cleared before it is due, then costs no system call each time.
 * Returns for how long epoll may wait: 0 if a timer is due, else -1. */
static int arm(struct wq_loop *loop)
{
	const struct wq_timer *first = TAILQ_FIRST(&loop->timers);
	struct itimerspec its = {0};

	if (!first || (loop->armed_ns && loop->armed_ns <= first->due_ns))
		return -1;
	if (first->due_ns < wq_now_ns())
		return 0;
	loop->armed_ns = first->due_ns;
	its.it_value.tv_sec = (time_t)(first->due_ns / WQ_NSEC_PER_SEC);
	its.it_value.tv_nsec = (long)(first->due_ns % WQ_NSEC_PER_SEC);
	timerfd_settime(loop->timerfd.fd, TFD_TIMER_ABSTIME, &its, NULL);
	return -1;
}

/* A timer that sets itself again, even for now, is due after now and waits for the next turn,
 * so that requests come first. So do timers that are still due when END_NS has come. The first
 * timer always fires. */
static void fire_due(struct wq_loop *loop, uint64_t end_ns)
{
	uint64_t now;
	struct wq_timer *t;

	if (TAILQ_EMPTY(&loop->timers))
		return;
	now = wq_now_ns();
	while ((t = TAILQ_FIRST(&loop->timers)) && t->due_ns < now) {
		wq_timer_clear(loop, t);
		t->fire(t);
		if (wq_now_ns() >= end_ns)
			break;
	}
}

/* Calls those of the batch that can wait (or those that cannot) until END_NS. What is left
 * stays ready, and epoll will report it again. */
static void call_ready(struct wq_loop *loop, bool can_wait, uint64_t end_ns)
{
	for (int i = 0; i < loop->nbatch; i++) {
		struct wq_loop_fd *s = loop->batch[i].data.ptr;

		if (!s || s->can_wait != can_wait)
			continue;
		s->ready(s, loop->batch[i].events);
		if (wq_now_ns() >= end_ns)
			break;
	}
}

/* Timers and descriptors share the time of the turn: the second kind has what
 * the first left. */
static void work(struct wq_loop *loop)
{
	uint64_t end_ns = wq_now_ns() + WQ_PIECE_NS;

	if (loop->timers_first)
		fire_due(loop, end_ns);
	else
		call_ready(loop, true, end_ns);
	if (wq_now_ns() < end_ns) {
		if (loop->timers_first)
			call_ready(loop, true, end_ns);
		else
			fire_due(loop, end_ns);
	}
	loop->timers_first = !loop->timers_first;
}

void wq_loop_before_wait(struct wq_loop *loop, void (*fn)(void *arg), void *arg)
{
	loop->before_wait = fn;
	loop->arg = arg;
}

int wq_loop_run(struct wq_loop *loop)
{
	while (!loop->stop) {
		if (loop->before_wait)
			loop->before_wait(loop->arg);
		if (loop->stop)
			break;
		loop->nbatch = epoll_wait(loop->epfd, loop->batch, BATCH, arm(loop));
		if (loop->nbatch < 0) {
			loop->nbatch = 0;
			if (errno == EINTR)
				continue;
			return -errno;
		}
		call_ready(loop, false, UINT64_MAX);
		work(loop);
		loop->nbatch = 0;
	}
	loop->stop = false;
	return 0;
}

void wq_loop_stop(struct wq_loop *loop)
{
	loop->stop = true;
}
