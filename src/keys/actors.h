/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who did what the sources report. The users of each thread are read once and then followed, so
 * that they are known even after the thread has ended. Also knows which session keyring each
 * thread has.
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
	struct wq_shares asking;   /* shares of the users who have done something */
	struct wq_threads threads; /* the state of a walk over all threads */
	struct wq_timer threads_timer;
	bool lost_on_the_way; /* another walk must follow: this one has passed some threads */
	uint64_t threads_ns;  /* when the last walk began */
};

/* 0 or -ENOMEM. */
int wq_actors_init(struct wq_actors *a, struct wq_loop *loop);
void wq_actors_fini(struct wq_actors *a);

/* Reads the users of all threads that exist when a source starts. */
void wq_actors_begin(struct wq_actors *a);
void wq_actors_end(struct wq_actors *a);

/* Events about sessions or executed programs were lost: forgets what it knows of both. */
void wq_actors_forget(struct wq_actors *a);

/* Events were lost: reads the users of all threads again, within some seconds. */
void wq_actors_lost(struct wq_actors *a);

/* Changes of users were lost. */
void wq_actors_ids_lost(struct wq_actors *a);

/* PARENT has made CHILD at AT_NS. CHILD has the same session keyring and the same users. */
void wq_actors_forked(struct wq_actors *a, pid_t parent, pid_t child, uint64_t at_ns);

/* TID has done CHANGE with IDS to the users that it acts as. */
void wq_actors_ids_changed(struct wq_actors *a, pid_t tid, enum wq_ids_change change,
	const uid_t ids[WQ_IDS_ARGS]);

/* Who pays for work that TID causes at AT_NS: its real user, or that of the thread that forked
 * it, as far as either was seen or read. WQ_UID_UNKNOWN: unknown. */
uid_t wq_actors_payer(struct wq_actors *a, pid_t tid, uint64_t at_ns);

/* TID's task at AT_NS or later. NULL: TID has ended, or the user who pays has no time left.
 * Valid until the next call. */
const struct wq_task *wq_actors_ask(struct wq_actors *a, pid_t tid, uint64_t at_ns);

/* CALLER in the form of a record's subject: its process, if we can see that. */
struct wq_cred wq_actors_reporter(struct wq_actors *a, const struct wq_caller *caller);

/* Stores in UID the user whose keyrings OP's thread has. False: the thread has ended and was
 * not followed; or it is in another user namespace, which has keyrings of its own for the same
 * user; or there is no time left to read it. */
bool wq_actors_real_user(struct wq_actors *a, const struct wq_operation *op, uid_t *uid);

/* Finds who did OP, which a source has reported, so that wq_may_mean() can say which keyring
 * the number of a special keyring can have meant. OF_USER: it is the number of a keyring of its
 * user. Valid until the next event. */
void wq_actors_find(struct wq_actors *a, const struct wq_operation *op, bool of_user,
	struct wq_actor *actor);

#endif
