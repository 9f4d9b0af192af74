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

/* The serial of keyring ID as OP's thread meant it. 0: none was given, or nobody watches it;
 * below 0: unknown. */
int32_t wq_resolve_keyring(struct wq_resolve *r, const struct wq_operation *op, int32_t id);

/* Learns from OP, which a source has reported, who has which session keyring. */
void wq_resolve_observe(struct wq_resolve *r, const struct wq_operation *op);

/* Who did what TID did from BEGIN_NS to END_NS. */
struct wq_cred wq_resolve_who(
	struct wq_resolve *r, pid_t tid, uint64_t begin_ns, uint64_t end_ns);

/* Completes OP, which a source has reported, with what its thread reported before (U, or NULL),
 * as far as it may say that: special keyrings, the key that add_key() may update, and who did
 * it. */
void wq_resolve_explain(
	struct wq_resolve *r, const struct wq_under_way *u, struct wq_operation *op);

#endif
