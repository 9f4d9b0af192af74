/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watched keys: by serial, in the order in which they came, and on lists of what is still
 * to be done with them. A key that leaves is taken off all lists here, so that no loop over a
 * list is left with a dangling pointer.
 */
#ifndef WQ_REGISTRY_H
#define WQ_REGISTRY_H

#include "base/per_user.h"
#include "keys/board.h"
#include "keys/key.h"
#include "keys/rings.h"

/* Walks registry.all (or registry.zombies), whatever is done in between: a key that leaves
 * moves the cursors that stand at it, and a key that comes is still reached.
 *
 *	struct wq_key_cursor c = {0};
 *
 *	wq_cursor_begin(registry, &c);
 *	while ((key = wq_cursor_next(&c)))
 *		...
 *
 * A cursor that has reached the end is as good as one that was never begun; any other must be
 * ended by wq_cursor_end(), and so must one that stays at the end. */
struct wq_key_cursor {
	struct wq_key *next; /* NULL: the end */
	bool listed;
	bool stays; /* at the end: the next key that comes is still reached */
	LIST_ENTRY(wq_key_cursor) node;
};

/* Embedded in its owner. */
struct wq_registry {
	struct wq_key *by_serial;
	struct wq_key_list all;
	/* Destroyed keys, whose watches are still to get REMOVAL. */
	struct wq_key_list zombies;
	struct wq_rings rings; /* those of all keys that are keyrings */
	LIST_HEAD(, wq_key_cursor) cursors;

	/* Keys with a difference that an operation may still explain. */
	struct wq_key_list deferred;
	struct wq_key *deferred_next; /* whose turn is next; NULL: the first one's */
	/* Keys that operations were reported for: their models need a refresh. */
	struct wq_key_list refresh;
	struct wq_key_list probation; /* keys that were watched a short time ago */
	/* By the time at which the kernel will collect them, if that is known. */
	struct wq_ends ends;
	struct wq_key_list due; /* that time has come: do they still exist? */
	uint64_t found_scan;	/* What is found now is posted by the end of this scan. */

	struct wq_per_user users; /* counts watches */
	struct wq_board board;	  /* shows which keys these are; its owner sets it up */
};

void wq_registry_init(struct wq_registry *registry);
void wq_registry_fini(struct wq_registry *registry);

/* The watched key SERIAL, which may be a zombie; NULL: it is not watched. */
struct wq_key *wq_registry_find(const struct wq_registry *registry, int32_t serial);

/* Adds KEY, which has been described. 0 or -ENOMEM. */
int wq_registry_add(struct wq_registry *registry, struct wq_key *key);

/* KEY was destroyed: it is only on registry.zombies, until its watches have got REMOVAL. */
void wq_registry_make_zombie(struct wq_registry *registry, struct wq_key *key);

/* Removes KEY, which nobody watches any more. */
void wq_registry_remove(struct wq_registry *registry, struct wq_key *key);

/* These put KEY on a list, or take it off. They do nothing if it is there already, or is not
 * there. */
void wq_registry_defer(struct wq_registry *registry, struct wq_key *key, uint64_t now_ns);
void wq_registry_undefer(struct wq_registry *registry, struct wq_key *key);
void wq_registry_want_refresh(struct wq_registry *registry, struct wq_key *key);
void wq_registry_refreshed(struct wq_registry *registry, struct wq_key *key);
void wq_registry_put_on_probation(struct wq_registry *registry, struct wq_key *key);
void wq_registry_end_probation(struct wq_registry *registry, struct wq_key *key);

/* The kernel will collect KEY at WHEN (CLOCK_REALTIME). 0, or if there is no
 * memory: unknown. */
void wq_registry_expect_end(struct wq_registry *registry, struct wq_key *key, time_t when);

/* That time, or 0. */
time_t wq_registry_end_of(const struct wq_key *key);

/* Makes the first key that the kernel will collect by NOW a due one. False: there is none. */
bool wq_registry_make_due(struct wq_registry *registry, time_t now);

/* KEY, which is due, moves to the tail; or (DUE false) it is no longer due. */
void wq_registry_asked(struct wq_registry *registry, struct wq_key *key, bool due);

/* Is no difference deferred any more that was found before the end of SCAN? */
bool wq_registry_is_settled(const struct wq_registry *registry, uint64_t scan);

void wq_cursor_begin(struct wq_registry *registry, struct wq_key_cursor *c);
void wq_cursor_begin_and_stay(struct wq_registry *registry, struct wq_key_cursor *c);
void wq_cursor_begin_zombies(struct wq_registry *registry, struct wq_key_cursor *c);
struct wq_key *wq_cursor_next(struct wq_key_cursor *c);
void wq_cursor_end(struct wq_key_cursor *c);

#endif
