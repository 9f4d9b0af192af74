/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sorts the events of a source by time, and finds the beginning of each operation that has
 * ended. A source adds events in any order, and says up to which time they are complete. The
 * reader takes them out one by one.
 *
 * The functions that add an event get its time, AT_NS (CLOCK_MONOTONIC). If there is no memory
 * for the event, that counts as a loss. While a loss waits to be taken out they add nothing.
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
	size_t waiting;		/* how many of these are about keys */
	struct wq_begun *begun; /* the operations under way, by thread */
	uint64_t added;		/* their number, which sorts those of one time */
	uint64_t complete_ns;	/* events before this time are complete */
	uint64_t taken_ns;	/* the time of the event that was taken out last */
	uint64_t lost_ns;	/* if lost: when the loss was noticed */
	const char *why_lost;	/* the last time that some were: WQ_LOST_... */
	bool lost, sorted;
};

/* Frees what ORDER holds and makes it empty. A struct of zeroes is an empty order. */
void wq_event_order_fini(struct wq_event_order *order);

/* A thread has begun, or ended, its system call CALL, a number that the source chooses. An end
 * belongs to a beginning only if the numbers are the same. */
void wq_event_order_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint8_t call,
	uint32_t op, const int32_t arg[WQ_OP_ARGS]);
void wq_event_order_end(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, uint8_t call, int32_t result);

/* The same for calls that change the users which a thread acts as. */
void wq_event_order_ids_begin(struct wq_event_order *order, uint64_t at_ns, pid_t tid,
	enum wq_ids_change change, const int32_t arg[WQ_IDS_ARGS]);
void wq_event_order_ids_end(struct wq_event_order *order, uint64_t at_ns, pid_t tid,
	enum wq_ids_change change, int32_t result);

/* TID has done CHANGE, which takes no time. */
void wq_event_order_ids(
	struct wq_event_order *order, uint64_t at_ns, pid_t tid, enum wq_ids_change change);

void wq_event_order_fork(
	struct wq_event_order *order, uint64_t at_ns, pid_t parent, pid_t child);

/* A key was changed, or was destroyed. */
void wq_event_order_change(struct wq_event_order *order, const struct wq_change *change);
void wq_event_order_destroyed(
	struct wq_event_order *order, const struct wq_destroyed *destroyed);
void wq_event_order_key_lost(struct wq_event_order *order, const struct wq_key_lost *lost);

/* All events before UNTIL_NS have been added. Later events have later times, except one whose
 * writer was delayed between taking the time and finishing the event. */
void wq_event_order_complete(struct wq_event_order *order, uint64_t until_ns);

/* Events were lost, which was noticed at NOW_NS. It is unknown whether the events that were
 * read came before or after the loss: all of them are dropped, and so is what comes until the
 * order is complete up to NOW_NS. Then the reader gets the loss, once. WHY goes behind the name
 * of the source in what is logged: one of the words that follow. */
void wq_event_order_lose(struct wq_event_order *order, uint64_t now_ns, const char *why);

#define WQ_LOST_OVERFLOW "buffer overflowed"
#define WQ_LOST_SKIPPED	 "programs were skipped by the kernel"
#define WQ_LOST_MEMORY	 "events found no memory"

/* Takes the next complete event out. False: there is none. */
bool wq_event_order_take(struct wq_event_order *order, struct wq_event *event);

/* Have all events before AT_NS been added and taken out? */
bool wq_event_order_past(const struct wq_event_order *order, uint64_t at_ns);

/* Are there complete events that were not taken out? */
bool wq_event_order_behind(const struct wq_event_order *order);

#endif
