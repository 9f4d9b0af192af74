/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of keys, on their way into the model and to the watches: the one place that changes
 * the model of a key, and posts. Where the change comes from does not matter: a source gave it,
 * it is what an operation means, or a snapshot differs from the model.
 */
#ifndef WQ_APPLY_H
#define WQ_APPLY_H

#include "keys/telling.h"

/* What is to be done about the key of a change that was applied. */
enum wq_then {
	WQ_THEN_COMPARE = 1u << 0, /* what was said of it is not what is there: a look, now */
	WQ_THEN_REFRESH = 1u << 1, /* a snapshot, soon: what it shows changed has been told */
	WQ_THEN_TAKE_IN = 1u << 2, /* the same, now */
	WQ_THEN_EXPECT_END = 1u << 3, /* it will be collected as dead keys are */
};

/* The change of a watched key that T's operation made goes into the model and is posted, unless
 * it has been told. IS_INFERRED: it was found by the difference that it made, which another's
 * operation, that is still to be told, may explain as well. Returns a set of enum wq_then. */
unsigned int wq_apply(
	const struct wq_telling *t, const struct wq_change *change, bool is_inferred);

/* T tells what is known already: a record of it that was posted for a difference is used up. */
void wq_apply_known(const struct wq_telling *t, const struct wq_change *change);

/* T reports that KEY expires at AT (CLOCK_REALTIME; 0: never): that /proc/keys says so next is
 * no difference. */
void wq_apply_timeout(struct wq_key *key, time_t at);

/* A snapshot of KEY shows that SUBTYPE with AUX was done to it, and no operation explains that:
 * it is posted, and whoever did it is unknown. An operation that tells of it later is not
 * posted once more. */
void wq_apply_difference(
	struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux);

/* What operations told of KEY, and NEW shows, is what is known of it, and no difference. 0, or
 * -ENOMEM: it is not yet. */
int wq_apply_told(struct wq_key *key, const struct wq_key_state *new);

/* KEY is what NEW says. Their buffers are swapped. */
void wq_apply_snapshot(struct wq_key *key, struct wq_key_state *new);

/* CHANGE was made, says a source that tells of each, with who did it if it knows: it is posted.
 * Of the key itself only whether it lives and who may see it is kept up. Returns a set of enum
 * wq_then. */
unsigned int wq_apply_change(struct wq_model *m, const struct wq_change *change);

/* A key is gone, says a source: its watches are told and released, and with the last one it
 * goes. Nothing if nobody watches it, or only another that was given its number since. */
void wq_apply_destroyed(struct wq_model *m, const struct wq_destroyed *destroyed);

#endif
