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
	/* When deferred differences have their turn; what it does its owner says. */
	struct wq_timer deferred_timer;
	uint64_t until_ns; /* the end of this turn */
	/* The snapshot of a deferred one, when it was taken, and how much had been told of its
	 * key. */
	struct wq_key_state found;
	int32_t found_of;
	unsigned int found_told;
	uint64_t found_ns;
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

/* A turn of deferred differences, which takes a slice of time:
 *
 *	wq_compare_begin(c);
 *	while (wq_compare_find(c))
 *		... what was done until now is taken in; if that is all of it:
 *			wq_compare_settle(c);
 *
 * Finds the next key that differs still, by a difference which no operation under way can
 *explain: false, if there is none, or the time is over. Settles it: if nothing that was taken
 *in meanwhile explains it, it is told. So what was done after the last operation that was taken
 *in, and before the snapshot, is not a difference that comes before it. */
void wq_compare_begin(struct wq_compare *c);
bool wq_compare_find(struct wq_compare *c);
void wq_compare_settle(struct wq_compare *c);

/* Are there more that have had no turn yet? */
bool wq_compare_has_more(const struct wq_compare *c);

/* Sets deferred_timer, if a difference is still deferred: at once if there is MORE to do. */
void wq_compare_wait(struct wq_compare *c, bool more);

#endif
