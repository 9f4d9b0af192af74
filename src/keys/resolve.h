/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out who did an operation, and which keyring a special keyring was for its thread.
 */
#ifndef WQ_RESOLVE_H
#define WQ_RESOLVE_H

#include "keys/actors.h"
#include "keys/model.h"

/* By value in its owner. */
struct wq_resolve {
	struct wq_model *model;
	struct wq_actors *actors;
};

void wq_resolve_init(struct wq_resolve *r, struct wq_model *model, struct wq_actors *actors);

/* What an operation that has ended meant, and who did it. */
struct wq_meaning {
	/* Which arguments are special keyrings, and the serials of these. 0: nobody watches it;
	 * below 0: unknown. */
	bool is_special[WQ_OP_ARGS];
	int32_t serial[WQ_OP_ARGS];
	struct wq_cred who;    /* pid 0: unknown */
	uid_t payer;	       /* who pays for the work that it causes */
	struct wq_actor actor; /* if a keyring is unknown: who can have meant it */
};

/* Fills M for OP, which a source has reported. Completes OP with what its thread reported
 * before, as far as it may say that. Finds out who did it only if a watch might get a record of
 * it. */
void wq_resolve(struct wq_resolve *r, struct wq_operation *op, struct wq_meaning *m);

/* The same for OP, which CALLER has reported. */
void wq_resolve_reported(struct wq_resolve *r, const struct wq_operation *op,
	const struct wq_caller *caller, struct wq_meaning *m);

/* The serial of the key or keyring ID, which is an argument of OP, as its thread meant it. 0:
 * none was given, or nobody watches it; below 0: unknown. */
int32_t wq_meaning_of(const struct wq_meaning *m, const struct wq_operation *op, int32_t id);

/* OP has begun, says a source, or its thread: finds out who that is, if it may be needed. */
void wq_resolve_begin(struct wq_resolve *r, const struct wq_operation *op);

#endif
