/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has done an operation, and which keyring a special one meant to that thread.
 */
#ifndef WQ_RESOLVE_H
#define WQ_RESOLVE_H

#include "base/task.h"
#include "keys/meant.h"
#include "keys/model.h"
#include "keys/sessions.h"

/* By value in its owner. */
struct wq_resolve {
	struct wq_model *model;
	struct wq_tasks tasks;
	struct wq_sessions *sessions;
	struct wq_budget asking; /* of who has done it */
};

/* 0 or -ENOMEM. */
int wq_resolve_init(struct wq_resolve *r, struct wq_model *model);
void wq_resolve_fini(struct wq_resolve *r);

/* Something was not seen that sources tell in order: who has which session, who executed what. */
void wq_resolve_forget(struct wq_resolve *r);

/* Keyring ID as OP's thread meant it: its serial; 0: none was given, or it is one that
 * nobody watches; below 0: it cannot be told. */
int32_t wq_resolve_keyring(struct wq_resolve *r, const struct wq_operation *op, int32_t id);

/* Who did OP, of which a source tells: to be asked which keyrings that one can have meant by
 * ID. */
void wq_resolve_actor(struct wq_resolve *r, const struct wq_operation *op, int32_t id,
	struct wq_actor *actor);

/* Takes in what OP, from a source, says of who has which session keyring. */
void wq_resolve_observe(struct wq_resolve *r, const struct wq_operation *op);

/* PARENT has made CHILD, which has the same session keyring. */
void wq_resolve_forked(struct wq_resolve *r, pid_t parent, pid_t child);

/* OP has begun: who it is is asked now, since a short-lived process is gone next. */
void wq_resolve_ask_who(struct wq_resolve *r, const struct wq_operation *op);

/* Who did what TID did from BEGIN_NS to END_NS. */
struct wq_cred wq_resolve_who(
	struct wq_resolve *r, pid_t tid, uint64_t begin_ns, uint64_t end_ns);

/* Who CALLER is, as a record's subject: its process, if we can see that. */
struct wq_cred wq_resolve_reporter(struct wq_resolve *r, const struct wq_caller *caller);

/* Completes OP from a source by what its thread said beforehand (U, or NULL) and may say:
 * special keyrings, the namesake of a key to be added, and who it is. */
void wq_resolve_explain(
	struct wq_resolve *r, const struct wq_under_way *u, struct wq_operation *op);

#endif
