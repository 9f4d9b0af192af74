/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key_tree.h"

#include <errno.h>
#include <keyutils.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/container.h"

/* So long it drops keys in one turn of the loop. */
#define SLICE_NS (50 * WQ_NSEC_PER_MSEC)

/* The pause before asking again for keys under construction. */
#define AGAIN_NS (20 * WQ_NSEC_PER_MSEC)

/* A key from which we have taken the watch: so many of its removals are ours. */
struct tree_unwatched {
	int32_t serial;
	unsigned int nr;
	UT_hash_handle hh;
};

static void drop_unwatched(struct key_tree *tree, struct tree_unwatched *u)
{
	HASH_DEL(tree->unwatched, u);
	free(u);
}

/* ---- members ---- */

struct serials {
	int32_t *all;
	size_t nr;
};

static int compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* The members of RING, if it is a keyring that we may read; sorted. The caller frees all. */
static struct serials read_members(const struct key_tree *tree, const struct tree_key *ring)
{
	void *buffer = NULL;
	long len;

	if (!key_name_is(key_names_get(tree->graph.names, ring->serial), "keyring"))
		return (struct serials){0};
	len = keyctl_read_alloc(ring->serial, &buffer);
	if (len < 0)
		return (struct serials){0};
	if (len)
		qsort(buffer, (size_t)len / sizeof(int32_t), sizeof(int32_t), compare);
	return (struct serials){buffer, (size_t)len / sizeof(int32_t)};
}

static bool has(const struct serials *serials, int32_t serial)
{
	return serials->nr &&
	       bsearch(&serial, serials->all, serials->nr, sizeof(int32_t), compare);
}

/* Adds the members NOW of RING. Those of BEFORE were there before RING was watched; the others
 * may have a record in the queue. */
static void add_members(struct key_tree *tree, struct tree_key *ring,
	const struct serials *before, const struct serials *now)
{
	for (size_t i = 0; i < now->nr; i++) {
		struct tree_link *link;

		if (key_graph_find_link(&tree->graph, ring->serial, now->all[i]))
			continue;
		link = key_graph_new_link(&tree->graph, ring, now->all[i]);
		if (!link)
			tree->error = -ENOMEM;
		else if (tree->started && tree->graph.recursive)
			key_graph_set_report(&tree->graph, link,
				has(before, now->all[i]) ? REPORT_FOUND : REPORT_HELD);
	}
}

/* ---- watching ---- */

static void interpret(struct key_tree *tree, struct tree_key *key, int err)
{
	key_graph_set_state(
		&tree->graph, key, err == -EINPROGRESS ? STATE_WAITING : STATE_REFUSED);
	if (err == -EINPROGRESS && !tree->again.set)
		wq_timer_set(tree->loop, &tree->again, wq_now_ns() + AGAIN_NS);
	/* That a key has ended, or does not grant View, is nothing that the user can change. */
	if (err != -EINPROGRESS && err != -EACCES && err != -ENOKEY && err != -EKEYREVOKED &&
		err != -EKEYEXPIRED)
		tree->error = err;
	if (err != -EINPROGRESS && tree->refused)
		tree->refused(tree, key->serial, err);
}

/* Watches KEY, and adds what is in it. 0 or -errno of the watch. */
static int watch(struct key_tree *tree, struct tree_key *key)
{
	struct serials before = {0}, now;
	int err;

	if (tree->started)
		before = read_members(tree, key);
	err = queue_file_try_watch(&tree->queue->file, key->serial, (int32_t)key->id);
	if (!err || err == -EBUSY) {
		key_graph_set_state(&tree->graph, key, STATE_WATCHED);
		now = read_members(tree, key);
		add_members(tree, key, &before, &now);
		free(now.all);
		err = 0;
		if (tree->arrived)
			tree->arrived(tree, key->serial);
	}
	free(before.all);
	return err;
}

static void move_links(struct key_tree *tree, const struct tree_links *from, enum report report)
{
	while (!TAILQ_EMPTY(from))
		key_graph_set_report(&tree->graph, TAILQ_FIRST(from), report);
}

/* A sync says nothing about links that are found after it has begun: those wait for the next.
 */
static void sync_held(struct key_tree *tree)
{
	if (TAILQ_EMPTY(&tree->graph.held) || tree->queue->syncing)
		return;
	own_queue_sync(tree->queue);
	if (tree->queue->syncing)
		move_links(tree, &tree->graph.held, REPORT_SYNCING);
}

static void watch_arrived(struct key_tree *tree)
{
	struct tree_key *key;

	while ((key = TAILQ_FIRST(&tree->graph.arrived))) {
		int err = watch(tree, key);

		if (err)
			interpret(tree, key, err);
	}
	sync_held(tree);
}

static void ask_again(struct wq_timer *timer)
{
	struct key_tree *tree = wq_container_of(timer, struct key_tree, again);
	struct tree_key *key;

	while ((key = TAILQ_FIRST(&tree->graph.waiting)))
		key_graph_set_state(&tree->graph, key, STATE_ARRIVED);
	watch_arrived(tree);
}

static void on_rest(struct wq_timer *timer);

void key_tree_init(struct key_tree *tree, struct own_queue *queue, struct key_names *names,
	struct wq_loop *loop, bool recursive)
{
	key_graph_init(&tree->graph, names, recursive);
	tree->queue = queue;
	tree->loop = loop;
	tree->again.fire = ask_again;
	tree->rest.fire = on_rest;
}

void key_tree_fini(struct key_tree *tree)
{
	struct tree_key *key, *next;
	struct tree_unwatched *u, *after;

	HASH_ITER (hh, tree->graph.by_serial, key, next)
		key_graph_drop_key(&tree->graph, key);
	HASH_ITER (hh, tree->unwatched, u, after)
		drop_unwatched(tree, u);
	if (!tree->loop)
		return;
	wq_timer_clear(tree->loop, &tree->again);
	wq_timer_clear(tree->loop, &tree->rest);
}

static int watch_root(struct key_tree *tree, struct tree_key *key)
{
	struct timespec pause = {0, 0};
	int err;

	while ((err = watch(tree, key)) == -EINPROGRESS)
		queue_file_await_construction(key->serial, &pause);
	return err;
}

int key_tree_add(struct key_tree *tree, int32_t serial, unsigned int id)
{
	struct tree_key *key = key_graph_find_key(&tree->graph, serial);
	int err;

	if (key && key->state == STATE_WATCHED) {
		key->root = true;
		return 0;
	}
	if (!key)
		key = key_graph_new_key(&tree->graph, serial, id);
	if (!key)
		return -ENOMEM;
	key->root = true;
	key_names_ask(tree->graph.names, serial);
	err = watch_root(tree, key);
	if (err)
		key_graph_drop_key(&tree->graph, key);
	else
		watch_arrived(tree);
	return err;
}

void key_tree_start(struct key_tree *tree)
{
	tree->started = true;
	tree->graph.dirty = false;
}

/* ---- what has left ---- */

/* The record of a removal that we cause ourselves says nothing about the key. */
static void unwatch(struct key_tree *tree, const struct tree_key *key)
{
	struct tree_unwatched *u;

	if (key->state != STATE_WATCHED ||
		queue_file_try_watch(&tree->queue->file, key->serial, -1) < 0)
		return;
	HASH_FIND_INT(tree->unwatched, &key->serial, u);
	if (!u) {
		u = calloc(1, sizeof(*u));
		if (!u)
			return;
		u->serial = key->serial;
		HASH_ADD_INT(tree->unwatched, serial, u);
	}
	if (u->hh.tbl)
		u->nr++;
	else
		free(u);
}

static bool is_our_removal(struct key_tree *tree, int32_t serial)
{
	struct tree_unwatched *u;

	HASH_FIND_INT(tree->unwatched, &serial, u);
	if (!u)
		return false;
	if (!--u->nr)
		drop_unwatched(tree, u);
	return true;
}

static void drop(struct key_tree *tree, struct tree_key *key)
{
	unwatch(tree, key);
	key_graph_drop_key(&tree->graph, key);
}

/* The same after an EVENT, which may say that the daemon has dropped the watch by itself. */
static void drop_of(struct key_tree *tree, struct tree_key *key, const struct event *event)
{
	if (event->view.kind == WQ_KIND_REMOVAL)
		key_graph_drop_key(&tree->graph, key);
	else
		drop(tree, key);
}

static bool has_left(struct key_tree *tree, const struct tree_key *key)
{
	if (!tree->graph.dirty)
		return false;
	key_graph_mark_all(&tree->graph);
	return !key->mark;
}

/* In slices: a daemon is asked for each key, and the loop has signals and a terminal to heed.
 */
static void sweep(struct key_tree *tree)
{
	const uint64_t end_ns = wq_now_ns() + SLICE_NS;
	struct tree_key *key, *next;

	if (!tree->graph.dirty)
		return;
	key_graph_mark_all(&tree->graph);
	HASH_ITER (hh, tree->graph.by_serial, key, next) {
		if (key->mark)
			continue;
		drop(tree, key);
		if (wq_now_ns() >= end_ns) {
			wq_timer_set(tree->loop, &tree->rest, 0);
			return;
		}
	}
	tree->graph.dirty = false;
}

static void on_rest(struct wq_timer *timer)
{
	sweep(wq_container_of(timer, struct key_tree, rest));
}

void key_tree_settle(struct key_tree *tree)
{
	sweep(tree);
}

/* ---- after a loss ---- */

static bool exists(int32_t serial)
{
	return keyctl_describe(serial, NULL, 0) >= 0 || errno != ENOKEY;
}

static void compare_members(struct key_tree *tree, struct tree_key *ring)
{
	static const struct serials nothing;
	struct serials now = read_members(tree, ring);
	struct tree_link *link, *next;

	for (link = TAILQ_FIRST(&ring->members); link; link = next) {
		next = TAILQ_NEXT(link, of_ring);
		if (!has(&now, link->member->serial))
			key_graph_drop_link(&tree->graph, link);
	}
	add_members(tree, ring, &nothing, &now);
	free(now.all);
}

static void compare_all(struct key_tree *tree)
{
	struct tree_key *key, *next;

	HASH_ITER (hh, tree->graph.by_serial, key, next)
		if (!exists(key->serial))
			key_graph_drop_key(&tree->graph, key);
		else if (key->state == STATE_WATCHED)
			compare_members(tree, key);
	watch_arrived(tree);
}

/* ---- events ---- */

static void on_linked(struct key_tree *tree, struct tree_key *ring, int32_t member)
{
	struct tree_link *link = key_graph_find_link(&tree->graph, ring->serial, member);

	if (link)
		key_graph_set_report(&tree->graph, link, REPORT_NONE); /* this is its record */
	else if (!key_graph_new_link(&tree->graph, ring, member))
		tree->error = -ENOMEM;
	watch_arrived(tree);
}

static void on_change(struct key_tree *tree, struct tree_key *key, const struct event *event)
{
	struct tree_link *link;

	switch (event->view.n.subtype) {
	case NOTIFY_KEY_LINKED:
		on_linked(tree, key, event->aux);
		break;
	case NOTIFY_KEY_UNLINKED:
		link = key_graph_find_link(&tree->graph, key->serial, event->aux);
		if (link)
			key_graph_drop_link(&tree->graph, link);
		break;
	case NOTIFY_KEY_CLEARED:
	case NOTIFY_KEY_REVOKED:
	case NOTIFY_KEY_INVALIDATED:
		key_graph_drop_members(&tree->graph, key);
		break;
	default:
		break;
	}
}

bool key_tree_event(struct key_tree *tree, const struct event *event)
{
	struct tree_key *key;

	if (event->view.kind == WQ_KIND_LOSS)
		compare_all(tree);
	if (!event->key)
		return true;
	if (event->view.kind == WQ_KIND_REMOVAL && is_our_removal(tree, event->key))
		return false;
	key = key_graph_find_key(&tree->graph, event->key);
	if (key && !key->root && has_left(tree, key)) {
		drop_of(tree, key, event);
		key = NULL;
	}
	if (key && event->view.kind == WQ_KIND_KEY)
		on_change(tree, key, event);
	return key;
}

void key_tree_shown(struct key_tree *tree, const struct event *event)
{
	struct tree_key *key = event->view.kind == WQ_KIND_REMOVAL && event->key
				       ? key_graph_find_key(&tree->graph, event->key)
				       : NULL;

	if (key)
		key_graph_drop_key(&tree->graph, key);
}

bool key_tree_next_found(struct key_tree *tree, struct event *event)
{
	struct tree_link *link = TAILQ_FIRST(&tree->graph.found);

	if (!link)
		return false;
	event_of_key(event, EVENT_FOUND, link->ring->id, link->ends.ring, link->ends.member);
	key_graph_set_report(&tree->graph, link, REPORT_NONE);
	return true;
}

void key_tree_synced(struct key_tree *tree)
{
	move_links(tree, &tree->graph.syncing, REPORT_FOUND);
	sync_held(tree);
}

/* ---- asking ---- */

bool key_tree_has_keys(const struct key_tree *tree)
{
	return tree->graph.watched || !TAILQ_EMPTY(&tree->graph.waiting);
}

int key_tree_id(const struct key_tree *tree, int32_t serial)
{
	const struct tree_key *key = key_graph_find_key(&tree->graph, serial);

	return key && key->state == STATE_WATCHED ? (int)key->id : -1;
}
