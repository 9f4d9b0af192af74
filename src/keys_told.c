/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeps one operation from being told twice: the records that differences made, the
 * operations that are under way, and those that the trace has told of.
 */
#include <stdlib.h>

#include "keys_internal.h"

/* Operations that take longer are not waited for. Between a report and the next lies one
 * system call, and whoever makes reports is not to hold others up. */
#define TRACED_NS   NS_PER_S
#define REPORTED_NS (NS_PER_S / 10)

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

struct inflight *wq_keys_find_inflight(struct wq_keys *keys, pid_t tid)
{
	struct inflight *f;

	HASH_FIND(hh, keys->inflight, &tid, sizeof(tid), f);
	return f;
}

/* Might a watch be told of H? */
static bool concerns(const struct wq_keys *keys, const struct wq_hint *h)
{
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (h->arg[i] < 0 || (h->arg[i] > 0 && wq_keys_find(keys, h->arg[i])))
			return true;
	return false;
}

static bool in_no_group(const struct wq_caller *caller, gid_t gid)
{
	return false;
}

void wq_keys_begin(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller)
{
	struct inflight *f = wq_keys_find_inflight(keys, h->tid);

	/* Who it is is asked now: a short-lived process is gone next. */
	if (keys->trace && concerns(keys, h))
		wq_task_get(&keys->tasks, h->tid, h->begin_ns);
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return; /* a look may tell it first then: was_told() knows */
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
	f->report.who = wq_caller_cred(caller);
	f->reporter = *caller;
	f->reporter.in_group = in_no_group; /* the request goes */
	f->reporter.private = NULL;
}

bool wq_keys_explain(const struct inflight *f, struct wq_hint *h, struct wq_caller *caller)
{
	if (!f || !f->reported || f->report.op != h->op || f->report.begin_ns > h->begin_ns)
		return false;
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (h->arg[i] < 0 && f->report.arg[i] > 0)
			h->arg[i] = f->report.arg[i];
	if (h->op == WQFS_REPORT_ADD_KEY)
		h->arg[1] = f->report.arg[1];
	*caller = f->reporter;
	h->who = f->report.who;
	return true;
}

/* May whoever said F speak of KEY? The trace may of any. */
static bool may_speak(const struct inflight *f, const struct wq_key *key)
{
	return !f->reported || f->reporter.uid == 0 || f->reporter.uid == key->state.uid ||
	       wq_keys_caller_may_view(&key->state, &f->reporter);
}

/* Could F be what changed KEY? */
static bool could_change(
	const struct wq_keys *keys, const struct inflight *f, const struct wq_key *key)
{
	if (!may_speak(f, key))
		return false;
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (f->hint.arg[i] < 0 || f->hint.arg[i] == key->serial)
			return true;
	/* which key they come to is not known before they end */
	return keys->trace &&
	       (f->hint.op == WQFS_REPORT_ADD_KEY || f->hint.op == WQFS_REPORT_REQUEST_KEY);
}

bool wq_keys_inflight(const struct wq_key *key, uint64_t at_ns)
{
	struct wq_keys *keys = key->keys;
	struct inflight *f, *tmp;
	uint64_t now = wq_now_ns();
	bool any = false;

	HASH_ITER (hh, keys->inflight, f, tmp) {
		uint64_t age = f->reported ? REPORTED_NS : TRACED_NS;

		if (f->hint.begin_ns + age < now)
			wq_keys_forget_inflight(keys, f);
		else if (f->hint.begin_ns <= at_ns)
			any = any || could_change(keys, f, key);
	}
	return any;
}

void wq_keys_forget_all_inflight(struct wq_keys *keys)
{
	struct inflight *f, *tmp;

	HASH_ITER (hh, keys->inflight, f, tmp)
		wq_keys_forget_inflight(keys, f);
}

void wq_keys_note_recent(struct wq_keys *keys, const struct wq_hint *h)
{
	struct recent *r = &keys->recent[(uint32_t)h->tid % RECENT_TIDS];
	unsigned int i = r->next++ % RECENT_EACH;

	r->op[i].tid = h->tid;
	r->op[i].begin_ns = h->begin_ns;
	r->op[i].end_ns = h->end_ns;
}

bool wq_keys_traced(const struct wq_keys *keys, pid_t tid, uint64_t begin_ns, uint64_t end_ns)
{
	const struct recent *r = &keys->recent[(uint32_t)tid % RECENT_TIDS];

	for (unsigned int i = 0; i < RECENT_EACH; i++)
		if (r->op[i].tid == tid && r->op[i].begin_ns >= begin_ns &&
			r->op[i].end_ns <= end_ns)
			return true;
	return false;
}
