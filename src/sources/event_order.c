/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/loop.h"
#include "sources/event_order.h"

#define EVENTS_KEPT 16384 /* room for so many is not given back */

/* An event that is not complete yet, or has not been taken out. */
struct wq_stored_event {
	uint64_t at_ns;
	pid_t tid; /* whose operation it is; who forks */
	uint8_t kind;
	union {
		struct {
			uint32_t op;
			int32_t arg[WQ_OP_ARGS];
		} begin;
		int32_t result;
		pid_t child;
		struct wq_change change;
	};
};

/* An operation that has begun. */
struct wq_begun {
	pid_t tid;
	struct wq_operation operation;
	UT_hash_handle hh;
};

static void forget_begun(struct wq_event_order *order, struct wq_begun *b)
{
	HASH_DEL(order->begun, b);
	free(b);
}

static void forget_all_begun(struct wq_event_order *order)
{
	struct wq_begun *b, *tmp;

	HASH_ITER (hh, order->begun, b, tmp)
		forget_begun(order, b);
}

void wq_event_order_fini(struct wq_event_order *order)
{
	forget_all_begun(order);
	free(order->events);
	*order = (struct wq_event_order){0};
}

/* ---- adding ---- */

static struct wq_stored_event *add(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, enum wq_event_kind kind)
{
	struct wq_stored_event *e;

	if (order->lost)
		return NULL;
	if (order->n == order->cap) {
		size_t more = order->cap ? order->cap * 2 : 1024;

		e = reallocarray(order->events, more, sizeof(*e));
		if (!e) {
			wq_event_order_lose(order, wq_now_ns());
			return NULL;
		}
		order->events = e;
		order->cap = more;
	}
	e = &order->events[order->n++];
	*e = (struct wq_stored_event){.at_ns = at_ns, .tid = tid, .kind = (uint8_t)kind};
	order->waiting += kind != WQ_EVENT_FORK;
	order->sorted = false;
	return e;
}

void wq_event_order_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint32_t op,
	const int32_t arg[WQ_OP_ARGS])
{
	struct wq_stored_event *e = add(order, at_ns, tid, WQ_EVENT_BEGIN);

	if (!e)
		return;
	e->begin.op = op;
	memcpy(e->begin.arg, arg, sizeof(e->begin.arg));
}

void wq_event_order_end(struct wq_event_order *order, uint64_t at_ns, pid_t tid, int32_t result)
{
	struct wq_stored_event *e = add(order, at_ns, tid, WQ_EVENT_END);

	if (e)
		e->result = result;
}

void wq_event_order_fork(
	struct wq_event_order *order, uint64_t at_ns, pid_t parent, pid_t child)
{
	struct wq_stored_event *e = add(order, at_ns, parent, WQ_EVENT_FORK);

	if (e)
		e->child = child;
}

void wq_event_order_change(struct wq_event_order *order, const struct wq_change *change)
{
	struct wq_stored_event *e = add(order, change->at_ns, 0, WQ_EVENT_CHANGE);

	if (e)
		e->change = *change;
}

void wq_event_order_complete(struct wq_event_order *order, uint64_t until_ns)
{
	order->complete_ns = until_ns;
}

void wq_event_order_lose(struct wq_event_order *order, uint64_t now_ns)
{
	if (order->lost)
		return;
	order->lost = true;
	order->lost_ns = now_ns;
	order->next = order->n = order->waiting = 0;
}

/* ---- taking out ---- */

/* Of one time a beginning comes first: the end may be another thread's. */
static int by_time(const void *a, const void *b)
{
	const struct wq_stored_event *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
	return (x->kind == WQ_EVENT_END) - (y->kind == WQ_EVENT_END);
}

static void sort(struct wq_event_order *order)
{
	if (order->next) {
		order->n -= order->next;
		memmove(order->events, order->events + order->next,
			order->n * sizeof(*order->events));
		order->next = 0;
	}
	qsort(order->events, order->n, sizeof(*order->events), by_time);
	order->sorted = true;
}

static void give_room_back(struct wq_event_order *order)
{
	order->next = order->n = 0;
	if (order->cap <= EVENTS_KEPT)
		return;
	free(order->events); /* a flood is over */
	order->events = NULL;
	order->cap = 0;
}

static struct wq_begun *find_begun(struct wq_event_order *order, pid_t tid)
{
	struct wq_begun *b;

	HASH_FIND(hh, order->begun, &tid, sizeof(tid), b);
	return b;
}

static struct wq_begun *new_begun(struct wq_event_order *order, pid_t tid)
{
	struct wq_begun *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->tid = tid;
	HASH_ADD(hh, order->begun, tid, sizeof(b->tid), b);
	if (b->hh.tbl)
		return b;
	free(b);
	return NULL;
}

/* False: nobody wants to know of E; or there is no memory, which is a loss now. */
static bool take_begin(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	struct wq_begun *b = find_begun(order, e->tid);

	if (!wq_operation_find(e->begin.op)) { /* its end is none of an earlier one's */
		if (b)
			forget_begun(order, b);
		return false;
	}
	if (!b)
		b = new_begun(order, e->tid);
	if (!b) {
		wq_event_order_lose(order, wq_now_ns());
		return false;
	}
	b->operation = (struct wq_operation){
		.op = e->begin.op, .begin_ns = e->at_ns, .tid = e->tid};
	memcpy(b->operation.arg, e->begin.arg, sizeof(b->operation.arg));
	out->operation = b->operation;
	return true;
}

/* False: its beginning was not seen. */
static bool take_end(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	struct wq_begun *b = find_begun(order, e->tid);

	if (!b)
		return false;
	out->operation = b->operation;
	out->operation.end_ns = e->at_ns;
	out->operation.result = e->result;
	forget_begun(order, b);
	return true;
}

static bool take(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	out->kind = (enum wq_event_kind)e->kind;
	switch (out->kind) {
	case WQ_EVENT_BEGIN:
		return take_begin(order, e, out);
	case WQ_EVENT_END:
		return take_end(order, e, out);
	case WQ_EVENT_FORK:
		out->fork.parent = e->tid;
		out->fork.child = e->child;
		return true;
	case WQ_EVENT_CHANGE:
		out->change = e->change;
		return true;
	case WQ_EVENT_LOST: /* is never stored */
		break;
	}
	return false;
}

static bool take_loss(struct wq_event_order *order, struct wq_event *event)
{
	if (order->complete_ns < order->lost_ns)
		return false;
	order->lost = false;
	forget_all_begun(order);
	event->kind = WQ_EVENT_LOST;
	return true;
}

bool wq_event_order_take(struct wq_event_order *order, struct wq_event *event)
{
	while (!order->lost && order->next < order->n) {
		struct wq_stored_event e;

		if (!order->sorted)
			sort(order);
		e = order->events[order->next];
		if (e.at_ns >= order->complete_ns)
			return false;
		order->next++;
		order->waiting -= e.kind != WQ_EVENT_FORK;
		if (order->next == order->n)
			give_room_back(order);
		if (take(order, &e, event))
			return true;
	}
	return order->lost && take_loss(order, event);
}

bool wq_event_order_behind(const struct wq_event_order *order)
{
	/* what has been sorted and not taken out stands in order */
	return !order->lost && order->sorted && order->next < order->n &&
	       order->events[order->next].at_ns < order->complete_ns;
}
