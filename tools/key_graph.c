/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key_graph.h"

#include <stdlib.h>

/* ---- keys and links ---- */

struct tree_key *key_graph_find_key(const struct key_graph *g, int32_t serial)
{
	struct tree_key *key;

	HASH_FIND_INT(g->by_serial, &serial, key);
	return key;
}

struct tree_link *key_graph_find_link(const struct key_graph *g, int32_t ring, int32_t member)
{
	struct ends ends = {ring, member};
	struct tree_link *link;

	HASH_FIND(hh, g->by_ends, &ends, sizeof(ends), link);
	return link;
}

static struct tree_keys *list_of(struct key_graph *g, enum state state)
{
	if (state == STATE_WAITING)
		return &g->waiting;
	return state == STATE_ARRIVED ? &g->arrived : NULL;
}

void key_graph_set_state(struct key_graph *g, struct tree_key *key, enum state state)
{
	struct tree_keys *from = list_of(g, key->state), *to = list_of(g, state);

	g->watched += (state == STATE_WATCHED) - (key->state == STATE_WATCHED);
	g->refused += (state == STATE_REFUSED) - (key->state == STATE_REFUSED);
	if (from)
		TAILQ_REMOVE(from, key, node);
	if (to)
		TAILQ_INSERT_TAIL(to, key, node);
	key->state = state;
}

/* NULL: no memory. */
struct tree_key *key_graph_new_key(struct key_graph *g, int32_t serial, unsigned int id)
{
	struct tree_key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	key->serial = serial;
	key->id = id;
	TAILQ_INIT(&key->members);
	TAILQ_INIT(&key->rings);
	HASH_ADD_INT(g->by_serial, serial, key);
	g->marked = false;
	if (key->hh.tbl)
		return key;
	free(key);
	return NULL;
}

static struct tree_links *reports_of(struct key_graph *g, enum report report)
{
	if (report == REPORT_HELD)
		return &g->held;
	if (report == REPORT_SYNCING)
		return &g->syncing;
	return report == REPORT_FOUND ? &g->found : NULL;
}

void key_graph_set_report(struct key_graph *g, struct tree_link *link, enum report report)
{
	struct tree_links *from = reports_of(g, link->report);
	struct tree_links *to = reports_of(g, report);

	if (from)
		TAILQ_REMOVE(from, link, reported);
	if (to)
		TAILQ_INSERT_TAIL(to, link, reported);
	link->report = report;
}

void key_graph_drop_link(struct key_graph *g, struct tree_link *link)
{
	key_graph_set_report(g, link, REPORT_NONE);
	TAILQ_REMOVE(&link->ring->members, link, of_ring);
	TAILQ_REMOVE(&link->member->rings, link, of_member);
	HASH_DEL(g->by_ends, link);
	free(link);
	g->dirty = true;
	g->marked = false;
}

void key_graph_drop_members(struct key_graph *g, struct tree_key *ring)
{
	while (!TAILQ_EMPTY(&ring->members))
		key_graph_drop_link(g, TAILQ_FIRST(&ring->members));
}

void key_graph_drop_key(struct key_graph *g, struct tree_key *key)
{
	bool marked = g->marked && !key->mark; /* nothing was marked because of it */

	key_graph_drop_members(g, key);
	while (!TAILQ_EMPTY(&key->rings))
		key_graph_drop_link(g, TAILQ_FIRST(&key->rings));
	key_graph_set_state(g, key, STATE_NAMED);
	key_names_forget(g->names, key->serial);
	HASH_DEL(g->by_serial, key);
	free(key);
	g->marked = marked;
}

/* Links MEMBER, a new key perhaps, to RING. NULL: no memory. */
struct tree_link *key_graph_new_link(struct key_graph *g, struct tree_key *ring, int32_t serial)
{
	struct tree_key *member = key_graph_find_key(g, serial);
	struct tree_link *link = calloc(1, sizeof(*link));

	if (link && !member) {
		member = key_graph_new_key(g, serial, ring->id);
		key_names_ask(g->names, serial);
		if (member && g->recursive)
			key_graph_set_state(g, member, STATE_ARRIVED);
	}
	if (!link || !member) {
		free(link);
		return NULL;
	}
	link->ends = (struct ends){ring->serial, serial};
	link->ring = ring;
	link->member = member;
	HASH_ADD(hh, g->by_ends, ends, sizeof(link->ends), link);
	if (!link->hh.tbl) {
		free(link);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&ring->members, link, of_ring);
	TAILQ_INSERT_TAIL(&member->rings, link, of_member);
	g->marked = false;
	return link;
}

/* ---- what is linked nowhere ---- */

static void mark(struct tree_keys *work, struct tree_key *key)
{
	if (key->mark)
		return;
	key->mark = true;
	TAILQ_INSERT_TAIL(work, key, work);
}

/* Marks all that is linked below the roots. */
void key_graph_mark_all(struct key_graph *g)
{
	struct tree_keys work = TAILQ_HEAD_INITIALIZER(work);
	struct tree_key *key, *next;
	struct tree_link *link;

	if (g->marked)
		return;
	g->marked = true;
	HASH_ITER (hh, g->by_serial, key, next) {
		key->mark = false;
		if (key->root)
			mark(&work, key);
	}
	while ((key = TAILQ_FIRST(&work))) {
		TAILQ_REMOVE(&work, key, work);
		TAILQ_FOREACH (link, &key->members, of_ring)
			mark(&work, link->member);
	}
}

void key_graph_init(struct key_graph *g, struct key_names *names, bool recursive)
{
	*g = (struct key_graph){.names = names, .recursive = recursive};
	TAILQ_INIT(&g->held);
	TAILQ_INIT(&g->syncing);
	TAILQ_INIT(&g->found);
	TAILQ_INIT(&g->waiting);
	TAILQ_INIT(&g->arrived);
}
