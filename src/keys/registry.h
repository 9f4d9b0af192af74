/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watched keys: by serial, in the order they came, and on the lists that say what is still
 * to be done about them. A key that leaves is taken off all of them here, so that no list loop
 * holds on to it.
 */
#ifndef WQ_REGISTRY_H
#define WQ_REGISTRY_H

#include "base/per_user.h"
#include "keys/key.h"
#include "keys/rings.h"

/* Goes through registry.all, whatever is done meanwhile: a key that leaves moves on the cursors
 * that stand at it, and keys that come are seen too.
 *
 *	struct wq_key_cursor c = {0};
 *
 *	wq_cursor_begin(registry, &c);
 *	while ((key = wq_cursor_next(&c)))
 *		...
 *
 * A cursor that has come to the end is as good as one that was never begun; one that has not is
 * to be ended by wq_cursor_end(). */
struct wq_key_cursor {
	struct wq_key *next; /* NULL: it is at the end */
	bool listed;
	LIST_ENTRY(wq_key_cursor) node;
};

/* Embedded in its owner. */
struct wq_registry {
	struct wq_key *by_serial;
	struct wq_key_list all;
	struct wq_key_list zombies; /* destroyed: their watches are told in the end */
	struct wq_rings rings;	    /* those of all that are keyrings */
	LIST_HEAD(, wq_key_cursor) cursors;

	struct wq_key_list deferred;  /* with a difference that an operation may yet explain */
	struct wq_key *deferred_next; /* where their turn stands; NULL: at the first */
	struct wq_key_list refresh;   /* of which operations told: to be known anew */
	struct wq_key_list probation; /* watched since a moment */
	struct wq_ends ends;	      /* by when they will be collected, if that is known */
	struct wq_key_list due;	      /* that time has come: are they still there? */
	uint64_t found_scan; /* the scan that will have ended once what is found now is told */

	struct wq_per_user users; /* watches */
};

void wq_registry_init(struct wq_registry *registry);
void wq_registry_fini(struct wq_registry *registry);

/* The watched key SERIAL, a zombie too, or NULL. */
struct wq_key *wq_registry_find(const struct wq_registry *registry, int32_t serial);

/* KEY, which has been described, is watched from now on. 0 or -ENOMEM. */
int wq_registry_add(struct wq_registry *registry, struct wq_key *key);

/* KEY is destroyed: it stands on registry.zombies only, until its watches have been told. */
void wq_registry_make_zombie(struct wq_registry *registry, struct wq_key *key);

/* Nobody watches KEY any more. */
void wq_registry_remove(struct wq_registry *registry, struct wq_key *key);

/* Puts KEY on a list, or takes it off; nothing if it is, or is not, on it. */
void wq_registry_defer(struct wq_registry *registry, struct wq_key *key, uint64_t now_ns);
void wq_registry_undefer(struct wq_registry *registry, struct wq_key *key);
void wq_registry_want_refresh(struct wq_registry *registry, struct wq_key *key);
void wq_registry_refreshed(struct wq_registry *registry, struct wq_key *key);
void wq_registry_put_on_probation(struct wq_registry *registry, struct wq_key *key);
void wq_registry_end_probation(struct wq_registry *registry, struct wq_key *key);

/* KEY will be collected at WHEN (CLOCK_REALTIME); 0, or where there is no memory for it: that
 * is not known. */
void wq_registry_expect_end(struct wq_registry *registry, struct wq_key *key, time_t when);

/* When, or 0. */
time_t wq_registry_end_of(const struct wq_key *key);

/* The first of those that will be collected at NOW or before is due from now on. False: there
 * is none. */
bool wq_registry_make_due(struct wq_registry *registry, time_t now);

/* KEY, which is due, has its turn last, or (DUE false) is due no longer. */
void wq_registry_asked(struct wq_registry *registry, struct wq_key *key, bool due);

/* Is nothing deferred any more that was found by the end of SCAN? */
bool wq_registry_is_settled(const struct wq_registry *registry, uint64_t scan);

void wq_cursor_begin(struct wq_registry *registry, struct wq_key_cursor *c);
struct wq_key *wq_cursor_next(struct wq_key_cursor *c);
void wq_cursor_end(struct wq_key_cursor *c);

#endif
