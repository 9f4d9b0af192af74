/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/loop.h"
#include "sources/event_order.h"

#define EVENTS_KEPT 16384 /* an array of up to this length is kept when it is empty */

/* Kinds of stored events that are not reported as they are. */
enum {
	STORED_IDS_BEGIN = 16, /* one half of an event that consists of two */
	STORED_IDS_END,
};

/* An event that is not complete yet, or was not taken out yet. */
struct wq_stored_event {
	uint64_t at_ns;
	uint64_t number; /* counts events in the order in which they were added */
	pid_t tid;	 /* the thread of the operation; the parent of a fork */
	uint8_t kind;
	uint8_t call; /* the source's number of the call; or which change of users it is */
	union {
		struct {
			uint32_t op;
			int32_t arg[WQ_OP_ARGS];
		} begin;
		int32_t result;
		pid_t child;
		uid_t ids[WQ_IDS_ARGS];
		struct wq_change change;
		int32_t serial;
	};
};

/* A call of a thread that has begun. If its end is added so late that the thread's next
 * beginning was taken out before, this is the one before: of operations only. */
struct wq_call {
	bool of_ids;
	bool is_told; /* an operation whose beginning was taken out */
	uint8_t call;
	uid_t ids[WQ_IDS_ARGS];
	struct wq_operation operation; /* its begin_ns is that of any call */
};

struct wq_begun {
	pid_t tid;
	struct wq_call call, before; /* begin_ns 0: none */
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

/* Is E about keys? All other events can wait until an event about keys follows. */
static bool is_of_keys(const struct wq_stored_event *e)
{
	return e->kind == WQ_EVENT_BEGIN || e->kind == WQ_EVENT_END ||
	       e->kind == WQ_EVENT_CHANGE || e->kind == WQ_EVENT_DESTROYED ||
	       e->kind == WQ_EVENT_KEY_LOST;
}

static struct wq_stored_event *add(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, int kind, uint8_t call)
{
	struct wq_stored_event *e;

	if (order->lost)
		return NULL;
	if (order->n == order->cap) {
		size_t more = order->cap ? order->cap * 2 : 1024;

		e = reallocarray(order->events, more, sizeof(*e));
		if (!e) {
			wq_event_order_lose(order, wq_now_ns(), WQ_LOST_MEMORY);
			return NULL;
		}
		order->events = e;
		order->cap = more;
	}
	e = &order->events[order->n++];
	*e = (struct wq_stored_event){.at_ns = at_ns,
		.number = order->added++,
		.tid = tid,
		.kind = (uint8_t)kind,
		.call = call};
	order->waiting += is_of_keys(e);
	order->sorted = false;
	return e;
}

void wq_event_order_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint8_t call,
	uint32_t op, const int32_t arg[WQ_OP_ARGS])
{
	struct wq_stored_event *e = add(order, at_ns, tid, WQ_EVENT_BEGIN, call);

	if (!e)
		return;
	e->begin.op = op;
	memcpy(e->begin.arg, arg, sizeof(e->begin.arg));
}

void wq_event_order_end(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint8_t call, int32_t result)
{
	struct wq_stored_event *e = add(order, at_ns, tid, WQ_EVENT_END, call);

	if (e)
		e->result = result;
}

void wq_event_order_ids_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid,
	enum wq_ids_change change, const int32_t arg[WQ_IDS_ARGS])
{
	struct wq_stored_event *e = add(order, at_ns, tid, STORED_IDS_BEGIN, (uint8_t)change);

	for (int i = 0; e && i < WQ_IDS_ARGS; i++)
		e->ids[i] = (uid_t)arg[i];
}

void wq_event_order_ids_end(struct wq_event_order *order, uint64_t at_ns, pid_t tid,
	enum wq_ids_change change, int32_t result)
{
	struct wq_stored_event *e = add(order, at_ns, tid, STORED_IDS_END, (uint8_t)change);

	if (e)
		e->result = result;
}

void wq_event_order_ids(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, enum wq_ids_change change)
{
	add(order, at_ns, tid, WQ_EVENT_IDS, (uint8_t)change);
}

void wq_event_order_fork(
	struct wq_event_order *order, uint64_t at_ns, pid_t parent, pid_t child)
{
	struct wq_stored_event *e = add(order, at_ns, parent, WQ_EVENT_FORK, 0);

	if (e)
		e->child = child;
}

void wq_event_order_change(struct wq_event_order *order, const struct wq_change *change)
{
	struct wq_stored_event *e = add(order, change->at_ns, 0, WQ_EVENT_CHANGE, 0);

	if (e)
		e->change = *change;
}

void wq_event_order_destroyed(
	struct wq_event_order *order, const struct wq_destroyed *destroyed)
{
	struct wq_stored_event *e = add(order, destroyed->at_ns, 0, WQ_EVENT_DESTROYED, 0);

	if (e)
		e->serial = destroyed->serial;
}

void wq_event_order_key_lost(struct wq_event_order *order, const struct wq_key_lost *lost)
{
	struct wq_stored_event *e = add(order, lost->at_ns, 0, WQ_EVENT_KEY_LOST, 0);

	if (e)
		e->serial = lost->serial;
}

void wq_event_order_complete(struct wq_event_order *order, uint64_t until_ns)
{
	order->complete_ns = until_ns;
}

void wq_event_order_lose(struct wq_event_order *order, uint64_t now_ns, const char *why)
{
	if (order->lost)
		return;
	order->lost = true;
	order->why_lost = why;
	order->lost_ns = now_ns;
	order->next = order->n = order->waiting = 0;
}

/* ---- taking out ---- */

static bool is_end(const struct wq_stored_event *e)
{
	return e->kind == WQ_EVENT_END || e->kind == STORED_IDS_END;
}

/* Of events with the same time a beginning comes first, because the end may be another
 * thread's. Other events keep the order in which they were added. */
static int by_time(const void *a, const void *b)
{
	const struct wq_stored_event *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
	if (is_end(x) != is_end(y))
		return is_end(x) - is_end(y);
	return (x->number > y->number) - (x->number < y->number);
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
	free(order->events); /* gives back the memory of a flood */
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

/* B's thread begins another call, by E. The end of the one before may still be added. */
static void begin_next(struct wq_begun *b, const struct wq_stored_event *e)
{
	b->before = b->call;
	b->call = (struct wq_call){
		.of_ids = e->kind == STORED_IDS_BEGIN,
		.call = e->call,
		.operation = {.begin_ns = e->at_ns, .tid = e->tid},
	};
}

/* Remembers the call that E begins. NULL: there is no memory, which has been
 * noted as a loss. */
static struct wq_call *begin_call(struct wq_event_order *order, const struct wq_stored_event *e)
{
	struct wq_begun *b = find_begun(order, e->tid);

	if (!b)
		b = new_begun(order, e->tid);
	if (!b) {
		wq_event_order_lose(order, wq_now_ns(), WQ_LOST_MEMORY);
		return NULL;
	}
	begin_next(b, e);
	return &b->call;
}

/* Fills CALL with the call that E ends, and forgets that call. False: its beginning was not
 * seen, or the thread has begun other calls since. */
static bool end_call(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_call *call)
{
	struct wq_begun *b = find_begun(order, e->tid);

	if (!b)
		return false;
	if (e->at_ns < b->call.operation.begin_ns) {
		*call = b->before;
		if (!call->operation.begin_ns || e->at_ns < call->operation.begin_ns)
			return false;
		b->before = (struct wq_call){0};
	} else {
		*call = b->call;
		forget_begun(order, b);
	}
	return call->of_ids == (e->kind == STORED_IDS_END) && call->call == e->call;
}

/* Handles the beginning E of a call. False: nobody needs to know of it. */
static bool take_begin(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	struct wq_begun *b = find_begun(order, e->tid);
	struct wq_call *call;

	if (!wq_operation_find(e->begin.op)) { /* its end must match no earlier call */
		if (b)
			begin_next(b, e);
		return false;
	}
	call = begin_call(order, e);
	if (!call)
		return false;
	call->is_told = true;
	call->operation.op = e->begin.op;
	memcpy(call->operation.arg, e->begin.arg, sizeof(call->operation.arg));
	out->operation = call->operation;
	return true;
}

static bool take_end(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	struct wq_call call;

	if (!end_call(order, e, &call) || !call.is_told)
		return false;
	out->operation = call.operation;
	out->operation.end_ns = e->at_ns;
	out->operation.result = e->result;
	return true;
}

static void take_ids_begin(struct wq_event_order *order, const struct wq_stored_event *e)
{
	struct wq_call *call = begin_call(order, e);

	if (call)
		memcpy(call->ids, e->ids, sizeof(call->ids));
}

/* setfsuid() does not report whether it changed anything. */
static bool take_ids_end(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	struct wq_call call;

	if (!end_call(order, e, &call) || (e->result != 0 && e->call != WQ_IDS_SETFSUID))
		return false;
	out->kind = WQ_EVENT_IDS;
	out->ids.tid = e->tid;
	out->ids.change = (enum wq_ids_change)e->call;
	memcpy(out->ids.arg, call.ids, sizeof(out->ids.arg));
	return true;
}

/* Turns the stored event into one that is reported. False: it is none by itself. */
static bool take(
	struct wq_event_order *order, const struct wq_stored_event *e, struct wq_event *out)
{
	*out = (struct wq_event){.kind = (enum wq_event_kind)e->kind};
	switch (e->kind) {
	case WQ_EVENT_BEGIN:
		return take_begin(order, e, out);
	case WQ_EVENT_END:
		return take_end(order, e, out);
	case STORED_IDS_BEGIN:
		take_ids_begin(order, e);
		return false;
	case STORED_IDS_END:
		return take_ids_end(order, e, out);
	case WQ_EVENT_FORK:
		out->fork.parent = e->tid;
		out->fork.child = e->child;
		out->fork.at_ns = e->at_ns;
		return true;
	case WQ_EVENT_IDS:
		out->ids.tid = e->tid;
		out->ids.change = (enum wq_ids_change)e->call;
		return true;
	case WQ_EVENT_CHANGE:
		out->change = e->change;
		return true;
	case WQ_EVENT_DESTROYED:
		out->destroyed = (struct wq_destroyed){e->serial, e->at_ns};
		return true;
	case WQ_EVENT_KEY_LOST:
		out->key_lost = (struct wq_key_lost){e->serial, e->at_ns};
		return true;
	default:
		return false;
	}
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
		order->taken_ns = e.at_ns;
		order->waiting -= is_of_keys(&e);
		if (order->next == order->n)
			give_room_back(order);
		if (take(order, &e, event))
			return true;
	}
	return order->lost && take_loss(order, event);
}

/* Are there events before AT_NS that were not taken out? */
static bool has_before(const struct wq_event_order *order, uint64_t at_ns)
{
	/* events that were added since the last one was taken out are not sorted yet */
	size_t end = order->sorted && order->next < order->n ? order->next + 1 : order->n;

	for (size_t i = order->next; i < end; i++)
		if (order->events[i].at_ns < at_ns)
			return true;
	return false;
}

bool wq_event_order_past(const struct wq_event_order *order, uint64_t at_ns)
{
	return !order->lost && order->complete_ns >= at_ns && !has_before(order, at_ns);
}

bool wq_event_order_behind(const struct wq_event_order *order)
{
	return !order->lost && has_before(order, order->complete_ns);
}
