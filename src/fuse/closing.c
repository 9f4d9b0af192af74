/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/container.h"
#include "fuse/closing.h"

#define AGAIN_NS (5 * WQ_NSEC_PER_MSEC) /* until the shares are checked again */

struct wq_closing_queue {
	struct wq_queue *queue; /* the last reference to it */
	uid_t uid;
	TAILQ_ENTRY(wq_closing_queue) node;
};

/* Releases watches of C until UNTIL_NS. True: none was left, and C is freed; else it is the
 * last in the list. */
static bool release(struct wq_closing *closing, struct wq_closing_queue *c, uint64_t until_ns)
{
	TAILQ_REMOVE(&closing->queues, c, node);
	if (!wq_queue_release_until(c->queue, until_ns)) {
		TAILQ_INSERT_TAIL(&closing->queues, c, node);
		return false;
	}
	wq_queue_put(c->queue);
	free(c);
	wq_trim_soon(&closing->trim);
	return true;
}

/* The same, paid for by its user. False: nothing was done, for lack of time. */
static bool release_and_pay(
	struct wq_closing *closing, struct wq_closing_queue *c, uint64_t until_ns)
{
	struct wq_work work;

	if (!wq_work_begin(&work, &closing->shares, c->uid))
		return false;
	(void)release(closing, c, until_ns);
	wq_work_end(&work);
	return true;
}

/* One turn: each queue has its share of a slice, if its user has time left. */
static void on_timer(struct wq_timer *timer)
{
	struct wq_closing *closing = wq_container_of(timer, struct wq_closing, timer);
	uint64_t until = wq_now_ns() + WQ_PIECE_NS;
	const struct wq_closing_queue *last = TAILQ_LAST(&closing->queues, wq_closing_list);
	struct wq_closing_queue *c;
	bool more = true, worked = false;

	while (more && (c = TAILQ_FIRST(&closing->queues)) && wq_now_ns() < until) {
		more = c != last;
		if (release_and_pay(closing, c, until)) {
			worked = true;
		} else {
			TAILQ_REMOVE(&closing->queues, c, node);
			TAILQ_INSERT_TAIL(&closing->queues, c, node);
		}
	}
	if (!TAILQ_EMPTY(&closing->queues))
		wq_timer_set(closing->loop, timer, worked ? 0 : wq_now_ns() + AGAIN_NS);
}

void wq_closing_init(struct wq_closing *closing, struct wq_loop *loop)
{
	closing->loop = loop;
	closing->timer.fire = on_timer;
	TAILQ_INIT(&closing->queues);
	wq_trim_init(&closing->trim, loop);
}

void wq_closing_add(struct wq_closing *closing, struct wq_queue *queue, uid_t uid)
{
	struct wq_closing_queue *c;

	wq_queue_close(queue);
	c = wq_queue_release_until(queue, 0) ? NULL : malloc(sizeof(*c));
	if (!c) {
		wq_queue_put(queue);
		wq_trim_soon(&closing->trim);
		return;
	}
	c->queue = queue;
	c->uid = uid;
	TAILQ_INSERT_TAIL(&closing->queues, c, node);
	if (!closing->timer.set)
		wq_timer_set(closing->loop, &closing->timer, 0);
}

bool wq_closing_hurry(struct wq_closing *closing, uid_t uid)
{
	struct wq_closing_queue *c;

	TAILQ_FOREACH (c, &closing->queues, node) {
		if (c->uid != uid)
			continue;
		(void)release(closing, c, wq_now_ns() + WQ_PIECE_NS);
		return true;
	}
	return false;
}

void wq_closing_fini(struct wq_closing *closing)
{
	struct wq_closing_queue *c;

	while ((c = TAILQ_FIRST(&closing->queues)))
		(void)release(closing, c, UINT64_MAX);
	wq_timer_clear(closing->loop, &closing->timer);
	wq_trim_fini(&closing->trim);
}
