/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has done an operation, and which keyring a special one meant to that thread.
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

/* Keyring ID as OP's thread meant it: its serial; 0: none was given, or it is one that
 * nobody watches; below 0: it cannot be told. */
int32_t wq_resolve_keyring(struct wq_resolve *r, const struct wq_operation *op, int32_t id);

/* Takes in what OP, from a source, says of who has which session keyring. */
void wq_resolve_observe(struct wq_resolve *r, const struct wq_operation *op);

/* Who did what TID did from BEGIN_NS to END_NS. */
struct wq_cred wq_resolve_who(
	struct wq_resolve *r, pid_t tid, uint64_t begin_ns, uint64_t end_ns);

/* Completes OP from a source by what its thread said beforehand (U, or NULL) and may say:
 * special keyrings, the namesake of a key to be added, and who it is. */
void wq_resolve_explain(
	struct wq_resolve *r, const struct wq_under_way *u, struct wq_operation *op);

#endif
