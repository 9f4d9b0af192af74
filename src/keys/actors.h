/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who did what sources tell of: the users of each thread are read once, and then followed,
 * so that they are known of those too who are gone; and which session each has.
 */
#ifndef WQ_ACTORS_H
#define WQ_ACTORS_H

#include "base/shares.h"
#include "base/caller.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/threads.h"
#include "keys/meant.h"
#include "keys/sessions.h"
#include "sources/event.h"

/* By value in its owner. */
struct wq_actors {
	struct wq_loop *loop;
	struct wq_tasks tasks;
	struct wq_sessions *sessions;
	struct wq_shares asking;   /* of who has done something */
	struct wq_threads threads; /* where a walk over all of them stands */
	struct wq_timer threads_timer;
	uint64_t threads_ns; /* when the last walk began */
};

/* 0 or -ENOMEM. */
int wq_actors_init(struct wq_actors *a, struct wq_loop *loop);
void wq_actors_fini(struct wq_actors *a);

/* Reads the users of all threads that there are: those of before a source that has just
 * begun. */
void wq_actors_begin(struct wq_actors *a);
void wq_actors_end(struct wq_actors *a);

/* Something was not seen that sources tell in order: who has which session, who executed
 * what. */
void wq_actors_forget(struct wq_actors *a);

/* Reads the users of all threads again, within some seconds: something was not told. */
void wq_actors_lost(struct wq_actors *a);

/* Changes of users were not seen. */
void wq_actors_ids_lost(struct wq_actors *a);

/* PARENT has made CHILD at AT_NS, which has the same session keyring and users. */
void wq_actors_forked(struct wq_actors *a, pid_t parent, pid_t child, uint64_t at_ns);

/* TID has done CHANGE with IDS to the users that it acts as. */
void wq_actors_ids_changed(struct wq_actors *a, pid_t tid, enum wq_ids_change change,
	const uid_t ids[WQ_IDS_ARGS]);

/* Who pays for what is done because of TID at AT_NS: its real user, or that of who forked it,
 * as far as it has been seen or read. WQ_UID_UNKNOWN: not known. */
uid_t wq_actors_payer(struct wq_actors *a, pid_t tid, uint64_t at_ns);

/* TID's task as it was at AT_NS, or later: NULL if it is gone, or if whoever pays has no time
 * left to have it asked. Valid until the next call. */
const struct wq_task *wq_actors_ask(struct wq_actors *a, pid_t tid, uint64_t at_ns);

/* Who CALLER is, as a record's subject: its process, if we can see that. */
struct wq_cred wq_actors_reporter(struct wq_actors *a, const struct wq_caller *caller);

/* The user whose keyrings OP's thread has, in UID. False: it is gone and was not followed, or
 * in another user namespace, which has keyrings of its own for the same user, or there is no
 * time to ask. */
bool wq_actors_real_user(struct wq_actors *a, const struct wq_operation *op, uid_t *uid);

/* Who did OP, of which a source tells: to be asked which keyrings that one can have meant by
 * ID. Valid until the next event. */
void wq_actors_find(
	struct wq_actors *a, const struct wq_operation *op, int32_t id, struct wq_actor *actor);

#endif
