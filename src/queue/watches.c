/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "queue/watches.h"

void wq_watch_list_init(struct wq_watch_list *wlist, void (*release)(struct wq_watch *watch))
{
	LIST_INIT(&wlist->watchers);
	wlist->release_watch = release;
	wlist->walks = 0;
	wlist->newest = 0;
	SLIST_INIT(&wlist->removed);
}

bool wq_watch_list_empty(const struct wq_watch_list *wlist)
{
	return LIST_EMPTY(&wlist->watchers);
}

void wq_watch_init(struct wq_watch *w, struct wq_queue *q)
{
	memset(w, 0, sizeof(*w));
	w->queue = q;
}

/* ---- those of a queue ---- */

void wq_watches_init(struct wq_watches *watches)
{
	LIST_INIT(&watches->all);
	watches->by_key = NULL;
}

static struct wq_watch_key key_of(const struct wq_watch_list *wlist, uint64_t id)
{
	return (struct wq_watch_key){.list = (uintptr_t)wlist, .id = id};
}

/* One table in the queue holds all its watches, so that an object with few watches, as most
 * have, needs no table. */
struct wq_watch *wq_watches_find(
	const struct wq_watches *watches, const struct wq_watch_list *wlist, uint64_t id)
{
	struct wq_watch_key key = key_of(wlist, id);
	struct wq_watch *w;

	HASH_FIND(hh, watches->by_key, &key, sizeof(key), w);
	return w;
}

int wq_watches_add(struct wq_watches *watches, struct wq_watch *w, struct wq_watch_list *wlist)
{
	w->key = key_of(wlist, w->id);
	HASH_ADD(hh, watches->by_key, key, sizeof(w->key), w);
	if (!w->hh.tbl)
		return -ENOMEM;
	w->list = wlist;
	w->number = ++wlist->newest;
	LIST_INSERT_HEAD(&wlist->watchers, w, list_node);
	LIST_INSERT_HEAD(&watches->all, w, queue_node);
	return 0;
}

static void release(struct wq_watch *w)
{
	assert(!w->queue && !w->list->walks);
	LIST_REMOVE(w, list_node);
	if (w->list->release_watch)
		w->list->release_watch(w);
}

void wq_watches_remove(struct wq_watches *watches, struct wq_watch *w)
{
	struct wq_watch_list *wlist = w->list;

	HASH_DEL(watches->by_key, w);
	LIST_REMOVE(w, queue_node);
	w->queue = NULL;
	if (wlist->walks)
		SLIST_INSERT_HEAD(&wlist->removed, w, removed_node);
	else
		release(w);
}

bool wq_watches_remove_until(struct wq_watches *watches, uint64_t until_ns)
{
	unsigned int n = 0;

	while (!LIST_EMPTY(&watches->all)) {
		wq_watches_remove(watches, LIST_FIRST(&watches->all));
		if (++n % WQ_WATCHES_AT_ONCE == 0 && wq_now_ns() >= until_ns)
			break;
	}
	return LIST_EMPTY(&watches->all);
}

/* ---- walks ---- */

void wq_walk_begin(struct wq_watch_list *wlist)
{
	wlist->walks++;
}

bool wq_walk_end_until(struct wq_watch_list *wlist, uint64_t until_ns)
{
	unsigned int n = 0;
	bool more;

	assert(wlist->walks);
	more = !--wlist->walks && !SLIST_EMPTY(&wlist->removed);
	while (more) {
		struct wq_watch *w = SLIST_FIRST(&wlist->removed);

		if (n && n % WQ_WATCHES_AT_ONCE == 0 && wq_now_ns() >= until_ns) {
			wq_walk_begin(wlist);
			return false;
		}
		n++;
		SLIST_REMOVE_HEAD(&wlist->removed, removed_node);
		more = !SLIST_EMPTY(&wlist->removed);
		release(w);
	}
	return true;
}
