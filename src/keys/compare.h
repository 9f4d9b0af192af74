/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A look at a key compared with the model of it: what differs becomes records, at once, or,
 * where an operation that is on its way may explain it, later.
 */
#ifndef WQ_COMPARE_H
#define WQ_COMPARE_H

#include "keys/model.h"

/* By value in its owner. */
struct wq_compare {
	struct wq_model *model;
	struct wq_timer refresh_timer;
	/* When deferred differences have their turn. Its owner says what it does: it takes in
	 * what operations have been told, then calls wq_compare_deferred() and
	 * wq_compare_wait(). */
	struct wq_timer deferred_timer;
	/* Its owner takes in what was done before this call. False: not all of it yet. */
	bool (*catch_up)(struct wq_compare *c);
	struct wq_key_state found; /* by the look at a deferred one */
};

void wq_compare_init(struct wq_compare *c, struct wq_model *model);
void wq_compare_fini(struct wq_compare *c);

/* Takes KEY's first snapshot, or only its attributes where a source tells each change. 0 or
 * -ENOMEM. Uses the scratch. */
int wq_compare_first(struct wq_key *key);

/* Looks at KEY and posts what has changed since the last look; if an operation that is on its
 * way may explain it, later. KEY may be a zombie after it. */
void wq_compare_key(struct wq_compare *c, struct wq_key *key);

/* The same at once: what is different is told, whatever is on its way. */
void wq_compare_now(struct wq_compare *c, struct wq_key *key);

/* Looks at KEY as it was seen until now, and then as AS, as it is seen from now on: what
 * differs is told to those who watch it. */
void wq_compare_view_as(
	struct wq_compare *c, struct wq_key *key, const struct wq_view_cred *as);

/* From now on a source tells each change of KEY: it is not looked at any more, and what is
 * known of it is not kept up. */
void wq_compare_stop(struct wq_compare *c, struct wq_key *key);

/* Takes in what KEY's flags say has been told, and nothing else: at once, or within some ms, so
 * that one of many operations does it for all. */
void wq_compare_refresh(struct wq_key *key);
void wq_compare_refresh_soon(struct wq_compare *c, struct wq_key *key);

/* A report told of KEY's payload, or else its attributes: that alone is taken in now, or it
 * would be a difference later. */
void wq_compare_take_in(struct wq_key *key, bool payload);

/* Looks again at keys with a difference that no operation on its way can explain any more, a
 * slice of them; of what has been told since that look nothing is a difference. True: there are
 * more. */
bool wq_compare_deferred(struct wq_compare *c);

/* Sets deferred_timer, if a difference is still deferred: at once if there is MORE to do. */
void wq_compare_wait(struct wq_compare *c, bool more);

#endif
