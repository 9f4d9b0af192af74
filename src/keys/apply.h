/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one place that changes the model of a key and posts. Where a change comes from does not
 * matter: a source reports it, it follows from an operation, or a snapshot differs from the
 * model. The model is the key's state: members, life, attributes, payload. What a snapshot of
 * /proc/keys has shown (proc), and which differences are explained already (attrs_reported,
 * payload_reported), are notes that comparing (compare.c) and watching (watching.c) make too.
 */
#ifndef WQ_APPLY_H
#define WQ_APPLY_H

#include "keys/statement.h"

/* What remains to be done for the key of a change that was applied. */
enum wq_then {
	/* The key does not show what was reported: compare it now. */
	WQ_THEN_COMPARE = 1u << 0,
	WQ_THEN_REFRESH = 1u << 1,     /* take a snapshot soon, to get what was reported */
	WQ_THEN_REFRESH_NOW = 1u << 2, /* the same, now */
	/* The kernel will collect it as it collects dead keys. */
	WQ_THEN_EXPECT_END = 1u << 3,
};

/* Puts a change of a watched key by T's operation into the model and posts it, unless it was
 * posted already. IS_INFERRED: a difference has shown the change, which an operation of
 * somebody else, still to be reported, may explain as well. Returns a set of enum wq_then. */
unsigned int wq_apply(
	const struct wq_statement *t, const struct wq_change *change, bool is_inferred);

/* T reports something that the model has already. If a record was posted for that difference,
 * uses up its entry in the ledger. */
void wq_apply_known(const struct wq_statement *t, const struct wq_change *change);

/* T reports that KEY expires at AT (CLOCK_REALTIME; 0: never). If /proc/keys shows that later
 * it is no difference. */
void wq_apply_timeout(struct wq_key *key, time_t at);

/* A snapshot shows that SUBTYPE with AUX was done to KEY, and no operation explains that. Posts
 * it, by an unknown process. An operation that is reported later, and explains it, is not
 * posted again. */
void wq_apply_difference(
	struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux);

/* Puts what operations have reported about KEY, and NOW shows, into the model; it is no
 * difference. 0; -ENOMEM: not done yet. */
int wq_apply_reported(struct wq_key *key, const struct wq_key_state *now);

/* Makes NEW the model of KEY. Swaps their buffers. */
void wq_apply_snapshot(struct wq_key *key, struct wq_key_state *new);

/* Posts CHANGE, which a source with WQ_SOURCE_CHANGES has reported, with the process that made
 * it if the source knows that. Of the model it changes only whether the key is alive, and who
 * may see it. Returns a set of enum wq_then. */
unsigned int wq_apply_change(struct wq_model *m, const struct wq_change *change);

/* A source reports that a key was destroyed: its watches get REMOVAL and are released, and with
 * the last of them the key. Does nothing if nobody watches it, or if the watched key has got
 * that number only later. */
void wq_apply_destroyed(struct wq_model *m, const struct wq_destroyed *destroyed);

#endif
