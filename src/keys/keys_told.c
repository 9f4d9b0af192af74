/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeps one operation from being told twice: the records that differences made, and the
 * operations that are under way.
 */
#include <stdlib.h>

#include "keys/keys_internal.h"

/* Operations that take longer are not waited for. Between a report and the next lies one
 * system call, and whoever makes reports is not to hold others up. */
#define TRACED_NS   NS_PER_S
#define REPORTED_NS (NS_PER_S / 10)

#define INFLIGHT_MAX 512 /* each look at a difference asks them all */

void wq_keys_note_told(struct wq_key *key, uint8_t subtype, uint32_t aux)
{
	struct wq_keys *keys = key->keys;

	keys->told[keys->told_next++ % TOLD_MAX] =
		(struct told){key->serial, subtype, aux, wq_now_ns()};
}

bool wq_keys_was_told(
	struct wq_keys *keys, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t begin_ns)
{
	for (unsigned int i = 0; i < TOLD_MAX; i++) {
		struct told *t = &keys->told[i];

		if (t->serial != serial || t->subtype != subtype || t->aux != aux ||
			t->at_ns < begin_ns)
			continue;
		t->serial = 0;
		return true;
	}
	return false;
}

void wq_keys_forget_inflight(struct wq_keys *keys, struct inflight *f)
{
	HASH_DEL(keys->inflight, f);
	free(f);
}

static bool is_over(const struct inflight *f, uint64_t now)
{
	return f->hint.begin_ns + (f->reported ? REPORTED_NS : TRACED_NS) < now;
}

static void expire(struct wq_keys *keys, uint64_t now)
{
	struct inflight *f, *tmp;

	HASH_ITER (hh, keys->inflight, f, tmp)
		if (is_over(f, now))
			wq_keys_forget_inflight(keys, f);
}

struct inflight *wq_keys_find_inflight(struct wq_keys *keys, pid_t tid)
{
	struct inflight *f;

	HASH_FIND(hh, keys->inflight, &tid, sizeof(tid), f);
	return f;
}

/* Who begins and never ends is forgotten when its time is over; and more than a few are not
 * noted: a look may tell of what they do first, was_told() knows. */
static bool may_note(struct wq_keys *keys, bool reported)
{
	uint64_t now = wq_now_ns();

	if (HASH_COUNT(keys->inflight) < INFLIGHT_MAX)
		return true;
	if (now - keys->expired_ns > REPORTED_NS) {
		keys->expired_ns = now;
		expire(keys, now);
	}
	return !reported || HASH_COUNT(keys->inflight) < INFLIGHT_MAX;
}

/* Might a watch be told of H? */
static bool concerns(const struct wq_keys *keys, const struct wq_hint *h)
{
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (h->arg[i] < 0 ? wq_rings_any(&keys->rings, h->arg[i])
				  : h->arg[i] > 0 && wq_keys_find(keys, h->arg[i]))
			return true;
	return false;
}

struct wq_cred wq_keys_reporter(struct wq_keys *keys, const struct wq_caller *caller)
{
	struct wq_cred who = wq_caller_cred(caller);
	const struct wq_task *task =
		caller->pid ? wq_task_get(&keys->tasks, caller->pid, wq_now_ns()) : NULL;

	who.pid = task ? task->tgid : 0;
	return who;
}

void wq_keys_begin(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller)
{
	struct inflight *f = wq_keys_find_inflight(keys, h->tid);

	/* who it is is asked at the beginning: a short-lived process is gone next */
	if (keys->trace && concerns(keys, h))
		(void)wq_keys_ask_task(keys, h->tid, h->begin_ns);
	if (!f) {
		f = may_note(keys, caller != NULL) ? calloc(1, sizeof(*f)) : NULL;
		if (!f)
			return;
		f->tid = h->tid;
		HASH_ADD(hh, keys->inflight, tid, sizeof(f->tid), f);
		if (!f->hh.tbl) {
			free(f);
			return;
		}
	}
	f->hint = *h;
	f->reported =
		f->reported && keys->trace; /* the trace says it too: keep what was said */
	if (!caller)
		return;
	f->reported = true;
	f->report = *h;
	f->report.who = wq_keys_reporter(keys, caller);
	f->reporter = *caller;
	f->reporter.in_group = NULL; /* the request goes */
	f->reporter.private = NULL;
}

/* May whoever said F speak of KEY as argument I of the operation? The trace may of any. */
static bool may_speak(const struct inflight *f, int i, const struct wq_key *key)
{
	const struct wq_operation *o = wq_operation_find(f->hint.op);

	return !f->reported ||
	       wq_access_believed(&key->state, &f->reporter, o ? o->arg[i].rights : 0);
}

/* Is the key that F said is argument I to be taken? What nobody watches harms nobody. */
static bool believed(const struct wq_keys *keys, const struct inflight *f, int i)
{
	const struct wq_key *key = wq_keys_find(keys, f->report.arg[i]);

	return !key || may_speak(f, i, key);
}

void wq_keys_explain(const struct wq_keys *keys, const struct inflight *f, struct wq_hint *h)
{
	if (!f || !f->reported || f->report.op != h->op || f->report.begin_ns > h->begin_ns)
		return;
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (h->arg[i] < 0 && f->report.arg[i] > 0 && believed(keys, f, i))
			h->arg[i] = f->report.arg[i];
	if (h->op == WQFS_REPORT_ADD_KEY)
		h->arg[1] = f->report.arg[1];
	/* else it may have become who it is since it said so */
	if (!wq_task_may_be_another(&keys->tasks, h->tid, f->report.begin_ns))
		h->who = f->report.who;
}

/* Could F be what changed KEY? */
static bool could_change(
	const struct wq_keys *keys, const struct inflight *f, const struct wq_key *key)
{
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if ((f->hint.arg[i] < 0 || f->hint.arg[i] == key->serial) &&
			may_speak(f, i, key))
			return true;
	/* which key they come to is not known before they end */
	return keys->trace && may_speak(f, 0, key) &&
	       (f->hint.op == WQFS_REPORT_ADD_KEY || f->hint.op == WQFS_REPORT_REQUEST_KEY);
}

bool wq_keys_inflight(const struct wq_key *key, uint64_t at_ns)
{
	struct wq_keys *keys = key->keys;
	struct inflight *f, *tmp;
	uint64_t now = wq_now_ns();

	HASH_ITER (hh, keys->inflight, f, tmp) {
		if (is_over(f, now))
			wq_keys_forget_inflight(keys, f);
		else if (f->hint.begin_ns <= at_ns && could_change(keys, f, key))
			return true;
	}
	return false;
}

void wq_keys_forget_all_inflight(struct wq_keys *keys)
{
	struct inflight *f, *tmp;

	HASH_ITER (hh, keys->inflight, f, tmp)
		wq_keys_forget_inflight(keys, f);
}
