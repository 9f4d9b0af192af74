/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/log.h"
#include "keys/post.h"
#include "record/names.h"

void wq_post_change(struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux,
	const struct wq_cred *who, uint64_t at_ns)
{
	struct key_notification n = {
		.watch.type = WATCH_TYPE_KEY_NOTIFY,
		.watch.subtype = (uint8_t)subtype,
		.watch.info = sizeof(n),
		.key_id = (uint32_t)key->serial,
		.aux = aux,
	};

	wq_debug_keys("key %d: %s (%u) is posted", key->serial,
		wq_subtype_name(WATCH_TYPE_KEY_NOTIFY, subtype), aux);
	wq_post(&key->watchers, &n.watch, who, (uint64_t)key->serial, at_ns);
}

/* ---- loss ---- */

void wq_post_key_loss(const struct wq_key *key)
{
	const struct wq_watch *w;

	LIST_FOREACH (w, &key->watchers.watchers, list_node)
		wq_queue_note_loss(w->queue);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (struct wq_queue *const *)a;
	uintptr_t y = (uintptr_t) * (struct wq_queue *const *)b;

	return (x > y) - (x < y);
}

/* The queues that get a LOSS: each once, if there is memory. */
struct losers {
	struct wq_queue **queues;
	size_t n, cap;
};

static void add_watchers(struct losers *l, const struct wq_key *key)
{
	const struct wq_watch *w;

	LIST_FOREACH (w, &key->watchers.watchers, list_node) {
		if (l->n == l->cap) {
			size_t more = l->cap ? l->cap * 2 : 64;
			struct wq_queue **p = reallocarray(l->queues, more, sizeof(*p));

			if (!p) { /* a LOSS twice is better than none */
				wq_queue_note_loss(w->queue);
				continue;
			}
			l->queues = p;
			l->cap = more;
		}
		l->queues[l->n++] = w->queue;
	}
}

static void add_all_watchers(struct losers *l, const struct wq_key_list *list)
{
	const struct wq_key *key;

	TAILQ_FOREACH (key, list, node)
		add_watchers(l, key);
}

static void add_rings_watchers(struct losers *l, const struct wq_model *m,
	bool (*of)(const struct wq_key *key, const void *arg), const void *arg)
{
	const struct wq_key *key;

	for (unsigned int kind = 0; kind < WQ_RING_KINDS; kind++)
		TAILQ_FOREACH (key, &m->registry.rings.of[kind], ring_node)
			if (of(key, arg))
				add_watchers(l, key);
	TAILQ_FOREACH (key, &m->registry.zombies, node)
		if (of(key, arg))
			add_watchers(l, key);
}

void wq_post_loss(struct wq_model *m, bool (*of)(const struct wq_key *key, const void *arg),
	const void *arg)
{
	struct losers l = {0};

	/* The watches of keys whose REMOVAL is still to be posted may have missed earlier
	 * changes, too. */
	if (of) {
		add_rings_watchers(&l, m, of, arg);
	} else {
		add_all_watchers(&l, &m->registry.all);
		add_all_watchers(&l, &m->registry.zombies);
	}
	if (l.n)
		qsort(l.queues, l.n, sizeof(*l.queues), by_address);
	for (size_t i = 0; i < l.n; i++)
		if (i == 0 || l.queues[i] != l.queues[i - 1])
			wq_queue_note_loss(l.queues[i]);
	wq_debug_keys("LOSS for %zu watches", l.n);
	free(l.queues);
}
