/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares snapshots of keys with the model. Differences become records: at once, or later if
 * an operation that is still to be reported may explain them.
 */
#ifndef WQ_COMPARE_H
#define WQ_COMPARE_H

#include "keys/model.h"

/* By value in its owner. */
struct wq_compare {
	struct wq_model *model;
	struct wq_timer refresh_timer;
	/* When deferred differences have their turn; the owner sets its callback. */
	struct wq_timer deferred_timer;
	uint64_t until_ns; /* the end of this turn */
	/* The snapshot of a deferred key, when it began and when it was taken, and the number
	 * of reports about the key by then. */
	struct wq_key_state found;
	int32_t found_of;
	unsigned int found_reports;
	uint64_t found_began_ns, found_ns;
};

void wq_compare_init(struct wq_compare *c, struct wq_model *model);
void wq_compare_fini(struct wq_compare *c);

/* Takes KEY's first snapshot; if a source reports each change, only its attributes. 0 or
 * -ENOMEM. Uses the scratch. */
int wq_compare_first(struct wq_key *key);

/* Compares KEY and posts what has changed since its last snapshot; if an operation that is
 * still to be reported may explain that, later. KEY may be a zombie afterwards. */
void wq_compare_key(struct wq_compare *c, struct wq_key *key);

/* The same at once, whatever is still to be reported. */
void wq_compare_now(struct wq_compare *c, struct wq_key *key);

/* Compares KEY with the old view and posts the differences to its watches; then changes the
 * view to AS. */
void wq_compare_view_as(
	struct wq_compare *c, struct wq_key *key, const struct wq_view_cred *as);

/* From now on a source reports each change: no snapshots are compared, and the model is not
 * kept up to date. Each key notices that when it is next looked at. */
void wq_compare_stop(struct wq_compare *c);

/* Takes a snapshot and puts into the model only what KEY's flags say was reported, within some
 * ms, so that one snapshot serves many operations. */
void wq_compare_refresh_soon(struct wq_compare *c, struct wq_key *key);

/* A process has reported a change of KEY's payload, or else of its attributes: puts only that
 * into the model, now, because later it would be a difference. */
void wq_compare_refresh_now(struct wq_key *key, bool payload);

/* A turn of deferred differences, which takes a slice of time:
 *
 *	wq_compare_begin(c);
 *	while (wq_compare_find(c))
 *		... drain the sources; if that got all of it:
 *			wq_compare_settle(c);
 *
 * wq_compare_find() finds the next key that still differs, by a difference that no operation
 * under way can explain. False: there is none, or the time is over. wq_compare_settle() posts
 * the difference if nothing that was reported meanwhile explains it. So the record of a change
 * that was made after the last report, and before the snapshot, does not come too early. */
void wq_compare_begin(struct wq_compare *c);
bool wq_compare_find(struct wq_compare *c);
void wq_compare_settle(struct wq_compare *c);

/* Are there more that have not had a turn? */
bool wq_compare_has_more(const struct wq_compare *c);

/* Sets deferred_timer if a difference is still deferred; for now if there is MORE to do. */
void wq_compare_wait(struct wq_compare *c, bool more);

#endif
