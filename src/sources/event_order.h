/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Brings what sources have read into the order of time, and finds the beginning of each
 * operation that has ended. A source adds events in any order and says up to when they are
 * complete; the reader takes them out one by one.
 */
#ifndef WQ_EVENT_ORDER_H
#define WQ_EVENT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sources/event.h"

struct wq_stored_event;
struct wq_begun;

struct wq_event_order {
	struct wq_stored_event *events; /* those from next on have not been taken out */
	size_t next, n, cap;
	size_t waiting;		/* how many of them are about keys */
	struct wq_begun *begun; /* the operations under way, by their threads */
	uint64_t added;		/* counts them: of one time the first added comes first */
	uint64_t complete_ns;	/* what is older is complete */
	uint64_t lost_ns;	/* if lost: when that was seen */
	bool lost, sorted;
};

/* A struct of zeroes is an empty order. Frees what it holds and makes it empty again. */
void wq_event_order_fini(struct wq_event_order *order);

/* Adds an event at AT_NS (CLOCK_MONOTONIC). If there is no memory for it that is a loss, which
 * is told as one. While a loss is waiting to be told nothing is added. */
/* A thread has entered, or returned from, its system call CALL, a number of the source's: a
 * return ends what was entered only if both are the same. */
void wq_event_order_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint8_t call,
	uint32_t op, const int32_t arg[WQ_OP_ARGS]);
void wq_event_order_end(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint8_t call, int32_t result);

/* OP has ended at OP->end_ns, and its source knows all of it, its beginning too. That may have
 * been added by wq_event_order_begin() when it was due, for those who want to know what is
 * under way. */
void wq_event_order_operation(struct wq_event_order *order, const struct wq_operation *op);

/* The same of calls that change the users which a thread acts as. */
void wq_event_order_ids_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid,
	enum wq_ids_change change, const int32_t arg[WQ_IDS_ARGS]);
void wq_event_order_ids_end(struct wq_event_order *order, uint64_t at_ns, pid_t tid,
	enum wq_ids_change change, int32_t result);

/* TID has done CHANGE, which takes no time. */
void wq_event_order_ids(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, enum wq_ids_change change);

void wq_event_order_fork(
	struct wq_event_order *order, uint64_t at_ns, pid_t parent, pid_t child);

/* A key was changed, or is gone. */
void wq_event_order_change(struct wq_event_order *order, const struct wq_change *change);
void wq_event_order_destroyed(
	struct wq_event_order *order, const struct wq_destroyed *destroyed);

/* All events of before UNTIL_NS have been added; a later event has a later time, but for one
 * whose writer was held up between taking the time and finishing it. */
void wq_event_order_complete(struct wq_event_order *order, uint64_t until_ns);

/* Events were lost, as was seen at NOW_NS. Nobody knows what was read belongs to before the
 * loss or to after it: all of it goes, and so does what comes until the order is complete up
 * to NOW_NS. Then the loss is told, once. */
void wq_event_order_lose(struct wq_event_order *order, uint64_t now_ns);

/* Takes the next complete event out. False: there is none. */
bool wq_event_order_take(struct wq_event_order *order, struct wq_event *event);

/* Are there complete events that have not been taken out? */
bool wq_event_order_behind(const struct wq_event_order *order);

#endif
