/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of keys, on their way into the model and to the watches: the one place that changes
 * the model of a key for what was told of it, and posts. Where the change comes from does not
 * matter: a source gave it, or it is what an operation means.
 */
#ifndef WQ_APPLY_H
#define WQ_APPLY_H

#include "base/shares.h"
#include "keys/compare.h"
#include "keys/gc_watch.h"
#include "keys/resolve.h"

/* What a telling asks of whoever took it in. */
enum wq_consequence {
	WQ_MAY_DESTROY = 1u << 0, /* it may have ended keys */
	WQ_SCAN_SOON = 1u << 1,	  /* it cannot be told to a key what was done */
};

/* What changes go into. Its owner has the parts. */
struct wq_applier {
	struct wq_model *model;
	struct wq_compare *compare;
	struct wq_gc_watch *gc;
	struct wq_resolve *resolve;
};

/* What is told of keys, and who tells it. */
struct wq_telling {
	const struct wq_applier *to;
	struct wq_model *model;		/* its model */
	const struct wq_operation *op;	/* NULL: a source gave the change itself */
	const struct wq_caller *caller; /* who reported it; NULL: a source tells of it */
	uint64_t begin_ns, end_ns;	/* of what was done: CLOCK_MONOTONIC */
	pid_t tid;			/* whose thread did it, or 0 */
	struct wq_cred who;		/* if it was told; else to be asked by tid */
	unsigned int *consequences;	/* a set of enum wq_consequence, to be added to */
};

/* OP has ended; CALLER reported it, or if that is NULL a source tells of it. */
struct wq_telling wq_telling_of(const struct wq_applier *to, const struct wq_operation *op,
	const struct wq_caller *caller, unsigned int *consequences);

/* Who pays for what T makes us do. */
uid_t wq_telling_payer(const struct wq_telling *t);

/* SERIAL if it is watched, and what T tells is news for it. */
struct wq_key *wq_telling_watched(const struct wq_telling *t, int32_t serial);

/* Is T believed when it says SUBTYPE of KEY? A source is. */
bool wq_telling_is_believed(const struct wq_telling *t, const struct wq_key *key,
	enum key_notification_subtype subtype);

/* SERIAL if it is watched, T is news for it, and T is believed; else, where it is not believed,
 * KEY is looked at instead. */
struct wq_key *wq_telling_subject(
	const struct wq_telling *t, int32_t serial, enum key_notification_subtype subtype);

/* The change SUBTYPE with AUX, which T tells, goes into the model of KEY and is posted: unless
 * it has been told, or is only said of the end of a life and not to be seen. False: that. KEY
 * may be gone after it, if T has a caller. */
bool wq_apply(const struct wq_telling *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux);

/* CHANGE was made, says a source that tells of each, with who did it if it knows: it is posted.
 * Of the key itself only whether it lives and who may see it is kept up. */
void wq_apply_change(const struct wq_applier *to, const struct wq_change *change);

/* A key is gone, says a source: its watches are told and released, and with the last one it
 * goes. Nothing if nobody watches it, or only another that was given its number since. */
void wq_apply_destroyed(const struct wq_applier *to, const struct wq_destroyed *destroyed);

#endif
