/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "keys/follow.h"
#include "keys/infer.h"
#include "keys/interpret.h"
#include "keys/post.h"

/* Does what remains for the key of CHANGE, if it is still watched. */
static void then(const struct wq_follower *f, const struct wq_change *change, unsigned int what)
{
	struct wq_key *key =
		what ? wq_registry_find(&f->model->registry, change->serial) : NULL;

	if (!key)
		return;
	if (what & WQ_THEN_EXPECT_END)
		wq_gc_expect_at(f->gc, key, time(NULL) + wq_gc_delay(f->gc));
	if (what & WQ_THEN_REFRESH_NOW)
		wq_compare_refresh_now(key, change->subtype == NOTIFY_KEY_UPDATED);
	if (what & WQ_THEN_REFRESH)
		wq_compare_refresh_soon(f->compare, key);
	if (what & WQ_THEN_COMPARE)
		wq_compare_now(f->compare, key);
}

/* A report that is not believed makes us compare the key: at once, or in a scan if its user has
 * no time left for that. */
static void compare_instead(const struct wq_follower *f, const struct wq_statement *t,
	const struct wq_change *change)
{
	struct wq_key *key = wq_registry_find(&f->model->registry, change->serial);
	struct wq_work work;

	if (!key)
		return;
	wq_debug_keys("key %d: what thread %d reports is not believed: it is compared instead",
		key->serial, (int)t->op->tid);
	if (!wq_work_begin(&work, &f->model->inferring, t->meaning.payer)) {
		wq_scan_soon(f->scan);
		return;
	}
	wq_compare_key(f->compare, key);
	wq_work_end(&work);
}

/* A timeout that was only reported never delays the expected end of a key, so that nobody
 * misses an end. */
static void follow_timeout(
	const struct wq_follower *f, const struct wq_statement *t, const struct wq_outcome *o)
{
	struct wq_key *key =
		o->timeout_of ? wq_registry_find(&f->model->registry, o->timeout_of) : NULL;
	time_t collected_at, known;

	if (!key)
		return;
	collected_at = o->timeout_at ? o->timeout_at + wq_gc_delay(f->gc) : 0;
	known = wq_registry_end_of(key);
	if (t->caller)
		wq_apply_timeout(key, o->timeout_at);
	if (!t->caller || (collected_at && (!known || collected_at < known)))
		wq_gc_expect_at(f->gc, key, collected_at);
}

/* Which groups somebody has, and which number in a user namespace, no longer matters: any.
 * There are as many of these as a user likes. */
static void widen(void *arg)
{
	struct wq_actor *actor = &((struct wq_missed *)arg)->actor;
	struct wq_task *task = &actor->task;

	memset(task->groups, 0, sizeof(task->groups));
	memset(task->gids, 0, sizeof(task->gids));
	task->gid = (gid_t)-1;
	task->ngroups = 0;
	task->more_groups = true;
	actor->inner_uid = WQ_UID_UNKNOWN;
}

/* Posts LOSS to those who may have missed M. If the user's share is used up, or they are too
 * many for one slice of time, the LOSS is owed, and goes to all whose keyrings may be meant:
 * what has changed there by then no longer shows whether M was there. */
static void follow_loss(
	const struct wq_follower *f, const struct wq_statement *t, const struct wq_missed *m)
{
	struct wq_losses *losses = &f->model->losses;
	const uid_t payer = t->meaning.payer;
	struct wq_missed owed;
	struct wq_work work;
	bool posted;

	wq_debug_keys("keyring %d of thread %d is unknown: LOSS for all that it may be", m->id,
		(int)t->op->tid);
	if (wq_work_begin(&work, &f->model->inferring, payer)) {
		posted = wq_losses_post(
			losses, wq_infer_may_have_missed, m, wq_now_ns() + WQ_PIECE_NS);
		wq_work_end(&work);
		if (posted)
			return;
	}
	memcpy(&owed, m, sizeof(owed));
	owed.what = WQ_INFER_SETATTR;
	owed.serial = 0;
	/* these do not say which keyring it may mean */
	owed.actor.task.tid = owed.actor.task.tgid = owed.actor.task.parent = 0;
	memset(owed.actor.task.comm, 0, sizeof(owed.actor.task.comm));
	wq_losses_owe(losses, wq_infer_may_have_missed, &owed, sizeof(owed), payer, widen);
}

static void lose(const struct wq_follower *f, int32_t serial)
{
	struct wq_key *key = wq_registry_find(&f->model->registry, serial);

	wq_debug_keys("key %d: LOSS: what was done to it cannot be seen", serial);
	if (key)
		wq_post_key_loss(key);
}

static void follow(
	const struct wq_follower *f, const struct wq_statement *t, const struct wq_outcome *o)
{
	for (unsigned int i = 0; i < o->n; i++) {
		const struct wq_step *step = &o->step[i];

		switch (step->kind) {
		case WQ_STEP_CHANGE:
			then(f, &step->change, wq_apply(t, &step->change, step->is_inferred));
			break;
		case WQ_STEP_KNOWN:
			wq_apply_known(t, &step->change);
			break;
		case WQ_STEP_COMPARE:
			compare_instead(f, t, &step->change);
			break;
		case WQ_STEP_UNSEEN:
			lose(f, step->change.serial);
			break;
		case WQ_STEP_LOSS:
			follow_loss(f, t, &o->missed[step->missed]);
			break;
		}
	}
	follow_timeout(f, t, o);
	if (o->may_destroy)
		wq_gc_schedule(f->gc);
	if (o->scan_soon)
		wq_scan_soon(f->scan);
}

void wq_follow_ended(const struct wq_follower *f, const struct wq_statement *t)
{
	struct wq_outcome outcome;

	wq_interpret(t, &outcome);
	follow(f, t, &outcome);
}

void wq_follow_change(const struct wq_follower *f, const struct wq_change *change)
{
	then(f, change, wq_apply_change(f->model, change));
}
