/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "base/container.h"
#include "keys/registry.h"

void wq_registry_init(struct wq_registry *r)
{
	TAILQ_INIT(&r->all);
	TAILQ_INIT(&r->zombies);
	TAILQ_INIT(&r->deferred);
	TAILQ_INIT(&r->refresh);
	TAILQ_INIT(&r->probation);
	TAILQ_INIT(&r->due);
	LIST_INIT(&r->cursors);
	wq_rings_init(&r->rings);
}

void wq_registry_fini(struct wq_registry *r)
{
	assert(!r->by_serial && TAILQ_EMPTY(&r->all) && TAILQ_EMPTY(&r->zombies));
	assert(LIST_EMPTY(&r->cursors));
	wq_ends_fini(&r->ends);
}

struct wq_key *wq_registry_find(const struct wq_registry *r, int32_t serial)
{
	struct wq_key *key;

	HASH_FIND_INT(r->by_serial, &serial, key);
	return key;
}

int wq_registry_add(struct wq_registry *r, struct wq_key *key)
{
	struct wq_key_cursor *c;

	HASH_ADD_INT(r->by_serial, serial, key);
	if (!key->hh.tbl)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&r->all, key, node);
	LIST_FOREACH (c, &r->cursors, node)
		if (c->stays && !c->next)
			c->next = key;
	wq_rings_add(&r->rings, key);
	wq_board_add(&r->board, key->serial);
	return 0;
}

/* ---- cursors ---- */

static void begin_at(
	struct wq_registry *r, struct wq_key_cursor *c, struct wq_key *first, bool stays)
{
	wq_cursor_end(c);
	c->next = first;
	c->stays = stays;
	if (!c->next && !stays)
		return;
	LIST_INSERT_HEAD(&r->cursors, c, node);
	c->listed = true;
}

void wq_cursor_begin(struct wq_registry *r, struct wq_key_cursor *c)
{
	begin_at(r, c, TAILQ_FIRST(&r->all), false);
}

void wq_cursor_begin_and_stay(struct wq_registry *r, struct wq_key_cursor *c)
{
	begin_at(r, c, TAILQ_FIRST(&r->all), true);
}

void wq_cursor_begin_zombies(struct wq_registry *r, struct wq_key_cursor *c)
{
	begin_at(r, c, TAILQ_FIRST(&r->zombies), false);
}

struct wq_key *wq_cursor_next(struct wq_key_cursor *c)
{
	struct wq_key *key = c->next;

	if (key)
		c->next = TAILQ_NEXT(key, node);
	if (!c->next && !c->stays)
		wq_cursor_end(c);
	return key;
}

void wq_cursor_end(struct wq_key_cursor *c)
{
	if (c->listed)
		LIST_REMOVE(c, node);
	*c = (struct wq_key_cursor){0};
}

/* Moves the cursors that stand at KEY, which leaves, on to the next key. */
static void step_over(struct wq_registry *r, const struct wq_key *key)
{
	struct wq_key_cursor *c, *next;

	for (c = LIST_FIRST(&r->cursors); c; c = next) {
		next = LIST_NEXT(c, node);
		if (c->next == key)
			(void)wq_cursor_next(c);
	}
}

/* ---- lists ---- */

void wq_registry_defer(struct wq_registry *r, struct wq_key *key, uint64_t now_ns)
{
	assert(!key->zombie && now_ns);
	if (key->deferred_ns)
		return;
	key->deferred_ns = now_ns;
	key->found_scan = r->found_scan;
	TAILQ_INSERT_TAIL(&r->deferred, key, deferred_node);
}

void wq_registry_undefer(struct wq_registry *r, struct wq_key *key)
{
	if (!key->deferred_ns)
		return;
	if (r->deferred_next == key)
		r->deferred_next = TAILQ_NEXT(key, deferred_node);
	TAILQ_REMOVE(&r->deferred, key, deferred_node);
	key->deferred_ns = 0;
}

bool wq_registry_is_settled(const struct wq_registry *r, uint64_t scan)
{
	/* the list is sorted by scan */
	const struct wq_key *first = TAILQ_FIRST(&r->deferred);

	return !first || first->found_scan > scan;
}

void wq_registry_want_refresh(struct wq_registry *r, struct wq_key *key)
{
	assert(!key->zombie);
	if (key->needs_refresh)
		return;
	key->needs_refresh = true;
	TAILQ_INSERT_TAIL(&r->refresh, key, refresh_node);
}

void wq_registry_refreshed(struct wq_registry *r, struct wq_key *key)
{
	if (!key->needs_refresh)
		return;
	TAILQ_REMOVE(&r->refresh, key, refresh_node);
	key->needs_refresh = false;
}

void wq_registry_put_on_probation(struct wq_registry *r, struct wq_key *key)
{
	assert(!key->zombie);
	if (key->on_probation)
		return;
	key->on_probation = true;
	TAILQ_INSERT_TAIL(&r->probation, key, probation_node);
}

void wq_registry_end_probation(struct wq_registry *r, struct wq_key *key)
{
	if (!key->on_probation)
		return;
	TAILQ_REMOVE(&r->probation, key, probation_node);
	key->on_probation = false;
}

/* ---- ends ---- */

void wq_registry_asked(struct wq_registry *r, struct wq_key *key, bool due)
{
	if (key->due)
		TAILQ_REMOVE(&r->due, key, due_node);
	key->due = due;
	if (due)
		TAILQ_INSERT_TAIL(&r->due, key, due_node);
}

void wq_registry_expect_end(struct wq_registry *r, struct wq_key *key, time_t when)
{
	wq_registry_asked(r, key, false);
	if (!when || key->zombie || wq_ends_set(&r->ends, &key->end, when) < 0)
		wq_ends_remove(&r->ends, &key->end);
}

time_t wq_registry_end_of(const struct wq_key *key)
{
	return key->due || key->end.place ? key->end.at : 0;
}

bool wq_registry_make_due(struct wq_registry *r, time_t now)
{
	struct wq_end *end = wq_ends_first(&r->ends);

	if (!end || end->at > now)
		return false;
	wq_ends_remove(&r->ends, end);
	wq_registry_asked(r, wq_container_of(end, struct wq_key, end), true);
	return true;
}

/* ---- leaving ---- */

/* KEY leaves all lists but that of its watches. */
static void leave_lists(struct wq_registry *r, struct wq_key *key)
{
	step_over(r, key);
	wq_registry_undefer(r, key);
	wq_registry_refreshed(r, key);
	wq_registry_end_probation(r, key);
	wq_registry_expect_end(r, key, 0);
	wq_rings_remove(&r->rings, key);
	TAILQ_REMOVE(key->zombie ? &r->zombies : &r->all, key, node);
}

void wq_registry_make_zombie(struct wq_registry *r, struct wq_key *key)
{
	if (key->zombie)
		return;
	leave_lists(r, key);
	TAILQ_INSERT_TAIL(&r->zombies, key, node);
	key->zombie = true;
	key->ended_ns = wq_now_ns();
	key->found_scan = r->found_scan;
	key->last_life = key->state.life;
	key->state.life = WQ_KEY_DESTROYED;
}

void wq_registry_remove(struct wq_registry *r, struct wq_key *key)
{
	leave_lists(r, key);
	assert(!key->deferred_ns && !key->needs_refresh && !key->on_probation && !key->due &&
		!key->end.place && !key->ring_listed);
	wq_board_remove(&r->board, key->serial);
	HASH_DEL(r->by_serial, key);
}
