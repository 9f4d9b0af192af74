/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which watches there are: those of an object, on its watch list, and those of a queue. They
 * may be removed while somebody walks the list. Nothing is posted here.
 */
#ifndef WQ_WATCHES_H
#define WQ_WATCHES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/hash.h"

struct wq_queue;
struct wq_watch;

struct wq_watch_list {
	LIST_HEAD(, wq_watch) watchers;
	void (*release_watch)(struct wq_watch *watch);

	/* The rest belongs to watches.c. While somebody walks the list, watches that are
	 * removed stay in it; they are released when the last walk ends. */
	unsigned int walks;
	SLIST_HEAD(, wq_watch) removed;
	uint64_t newest; /* the number of the watch that was added last */
};

/* The key by which a queue finds its watches. */
struct wq_watch_key {
	uint64_t list; /* its address */
	uint64_t id;
};

/* Subscribes one queue to one object. The producer allocates it, calls wq_watch_init(), sets
 * the three fields and calls wq_watch_add(). After that it belongs to the list until
 * release_watch(). */
struct wq_watch {
	uint32_t info_id;  /* 8-bit id << WATCH_INFO_ID__SHIFT, or'ed into records */
	uint64_t id;	   /* the object: records with another id do not concern this watch */
	void *private;	   /* for the producer */
	uint64_t since_ns; /* CLOCK_MONOTONIC at wq_watch_add() */

	struct wq_queue *queue; /* the rest belongs to the queue; NULL: the watch was removed */
	struct wq_watch_list *list;
	LIST_ENTRY(wq_watch) list_node;
	LIST_ENTRY(wq_watch) queue_node;
	SLIST_ENTRY(wq_watch) removed_node;
	uint64_t posting; /* the number of the last posting that it got */
	uint64_t number;  /* on its list, in the order in which they were added, 1 and up */
	struct wq_watch_key key;
	UT_hash_handle hh;
};

/* Makes WLIST empty. RELEASE, if not NULL, is called once for each watch that leaves the list
 * (it was removed, its list was removed, or its queue is gone), when nothing refers to the
 * watch any more. It frees the watch and what belongs to it. With the last watch, when
 * wq_watch_list_empty() is true, it may free the list as well. It must not remove other
 * watches. */
void wq_watch_list_init(struct wq_watch_list *wlist, void (*release)(struct wq_watch *watch));

/* True if the list has no watch, not even one that was removed and is still to be released. */
bool wq_watch_list_empty(const struct wq_watch_list *wlist);

/* Prepares WATCH to subscribe QUEUE. Takes no reference: a watch never keeps its queue alive,
 * and a queue removes its watches when it is freed. */
void wq_watch_init(struct wq_watch *watch, struct wq_queue *queue);

/* ---- for queue.c ---- */

#define WQ_WATCHES_AT_ONCE 32 /* watches that are served before the time is checked */

/* The watches of one queue. By value in it. */
struct wq_watches {
	LIST_HEAD(, wq_watch) all;
	struct wq_watch *by_key; /* the same, hashed */
};

void wq_watches_init(struct wq_watches *watches);

/* The watch on ID of WLIST; NULL: there is none. */
struct wq_watch *wq_watches_find(
	const struct wq_watches *watches, const struct wq_watch_list *wlist, uint64_t id);

/* Adds W, which is not there yet, to WATCHES and to WLIST. 0 or -ENOMEM. */
int wq_watches_add(struct wq_watches *watches, struct wq_watch *w, struct wq_watch_list *wlist);

/* Removes watches until UNTIL_NS (CLOCK_MONOTONIC), and some of them at least. True: none is
 * left.
 */
bool wq_watches_remove_until(struct wq_watches *watches, uint64_t until_ns);

/* W's queue, which has WATCHES, gets no more records through W. W is released at once, or, if
 * somebody walks its list, when that walk ends. */
void wq_watches_remove(struct wq_watches *watches, struct wq_watch *w);

/* Until wq_walk_end() all watches of WLIST stay in it, also those that are removed: they have
 * no queue any more. Walks may be nested. */
void wq_walk_begin(struct wq_watch_list *wlist);

/* Ends a walk, unless UNTIL_NS (CLOCK_MONOTONIC) comes before all watches are released that
 * were removed during it. Some are released in any case. Releasing the last watch may free the
 * list with its object. False: the walk has not ended. */
bool wq_walk_end_until(struct wq_watch_list *wlist, uint64_t until_ns);

/* Ends a walk. */
static inline void wq_walk_end(struct wq_watch_list *wlist)
{
	(void)wq_walk_end_until(wlist, UINT64_MAX);
}

#endif
