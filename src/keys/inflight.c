/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/loop.h"
#include "keys/access.h"
#include "keys/inflight.h"

/* We do not wait for operations that take longer. Between the two reports of an operation lies
 * only one system call, so for reports a shorter time is enough, and whoever makes them cannot
 * delay others for long. */
#define TRACED_NS   WQ_NSEC_PER_SEC
#define REPORTED_NS (TRACED_NS / 10)

#define UNDER_WAY_MAX 512 /* each difference is checked against all of them */

struct wq_under_way *wq_inflight_find(const struct wq_inflight *i, pid_t tid)
{
	struct wq_under_way *u;

	HASH_FIND(hh, i->by_tid, &tid, sizeof(tid), u);
	return u;
}

static void forget(struct wq_inflight *i, struct wq_under_way *u)
{
	HASH_DEL(i->by_tid, u);
	free(u);
}

void wq_inflight_end(struct wq_inflight *i, const struct wq_operation *op)
{
	struct wq_under_way *u = wq_inflight_find(i, op->tid);

	if (u && u->operation.begin_ns <= op->end_ns)
		forget(i, u);
}

void wq_inflight_forked(struct wq_inflight *i, pid_t child, uint64_t at_ns)
{
	struct wq_under_way *u = wq_inflight_find(i, child);

	if (u && u->operation.begin_ns < at_ns)
		forget(i, u);
}

void wq_inflight_forget_all(struct wq_inflight *i)
{
	struct wq_under_way *u, *tmp;

	HASH_ITER (hh, i->by_tid, u, tmp)
		forget(i, u);
}

static bool is_over(const struct wq_under_way *u, uint64_t now)
{
	return u->operation.begin_ns + (u->reported ? REPORTED_NS : TRACED_NS) < now;
}

static void expire(struct wq_inflight *i, uint64_t now)
{
	struct wq_under_way *u, *tmp;

	HASH_ITER (hh, i->by_tid, u, tmp)
		if (is_over(u, now))
			forget(i, u);
}

/* Drops operations that have begun too long ago. Says whether one more may be noted; if not, a
 * scan may post the difference first, which the ledger remembers. */
static bool may_note(struct wq_inflight *i, bool reported)
{
	uint64_t now = wq_now_ns();

	if (HASH_COUNT(i->by_tid) < UNDER_WAY_MAX)
		return true;
	if (now - i->expired_ns > REPORTED_NS) {
		i->expired_ns = now;
		expire(i, now);
	}
	return !reported || HASH_COUNT(i->by_tid) < UNDER_WAY_MAX;
}

/* The operation of thread TID; makes it if there is none. NULL: it cannot be noted. */
static struct wq_under_way *of_thread(struct wq_inflight *i, pid_t tid, bool reported)
{
	struct wq_under_way *u = wq_inflight_find(i, tid);

	if (u || !may_note(i, reported))
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->tid = tid;
	HASH_ADD(hh, i->by_tid, tid, sizeof(u->tid), u);
	if (u->hh.tbl)
		return u;
	free(u);
	return NULL;
}

void wq_inflight_begin(struct wq_inflight *i, const struct wq_operation *op, bool has_events)
{
	struct wq_under_way *u = of_thread(i, op->tid, false);

	if (!u || (u->reported && op->begin_ns < u->report.begin_ns))
		return;
	u->operation = *op;
	u->reported = u->reported && has_events;
}

void wq_inflight_report(struct wq_inflight *i, const struct wq_operation *op,
	const struct wq_caller *caller, const struct wq_cred *who)
{
	struct wq_under_way *u = of_thread(i, op->tid, true);

	if (!u)
		return;
	u->operation = u->report = *op;
	u->reported = true;
	u->report.who = *who;
	u->reporter = *caller;
	u->reporter.in_group = NULL; /* the request will be gone */
	u->reporter.private = NULL;
}

bool wq_under_way_may_speak(
	const struct wq_under_way *u, unsigned int arg, const struct wq_key *key)
{
	const struct wq_operation_type *type = wq_operation_find(u->operation.op);

	return !u->reported ||
	       wq_access_believed(&key->state, &u->reporter, type ? type->arg[arg].rights : 0);
}

/* Could the operation U be what changed KEY? */
static bool could_change(
	const struct wq_under_way *u, const struct wq_key *key, bool has_events)
{
	for (unsigned int arg = 0; arg < WQ_OP_ARGS; arg++)
		if ((u->operation.arg[arg] < 0 || u->operation.arg[arg] == key->serial) &&
			wq_under_way_may_speak(u, arg, key))
			return true;
	/* the key that a special keyring names is unknown before the end */
	return has_events && wq_under_way_may_speak(u, 0, key) &&
	       (u->operation.op == WQFS_REPORT_ADD_KEY ||
		       u->operation.op == WQFS_REPORT_REQUEST_KEY);
}

bool wq_inflight_may_change(
	struct wq_inflight *i, const struct wq_key *key, uint64_t at_ns, bool has_events)
{
	struct wq_under_way *u, *tmp;
	uint64_t now = wq_now_ns();

	HASH_ITER (hh, i->by_tid, u, tmp) {
		/* a report is kept for the source, which may tell of its operation later */
		if (is_over(u, now) && !(u->reported && has_events))
			forget(i, u);
		else if (!is_over(u, now) && u->operation.begin_ns <= at_ns &&
			 could_change(u, key, has_events))
			return true;
	}
	return false;
}
