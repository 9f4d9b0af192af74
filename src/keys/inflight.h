/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations that have begun and not ended, as far as a source or their own threads told: a
 * difference that one of them may have made is not told before it has ended.
 */
#ifndef WQ_INFLIGHT_H
#define WQ_INFLIGHT_H

#include <uthash.h>

#include "base/caller.h"
#include "keys/key.h"
#include "sources/event.h"

/* An operation under way. */
struct wq_under_way {
	pid_t tid;
	struct wq_operation operation;
	bool reported; /* tid itself said so, which knows more than a source: */
	struct wq_operation report;
	struct wq_caller reporter;
	UT_hash_handle hh;
};

/* By value in its owner; all zero is a valid empty one. */
struct wq_inflight {
	struct wq_under_way *by_tid;
	uint64_t expired_ns; /* when the old among them were last dropped */
};

/* OP is under way, says a source. TOLD: sources tell of operations, so that a report of it that
 * came before is kept. */
void wq_inflight_begin(struct wq_inflight *i, const struct wq_operation *op, bool told);

/* The same, says its thread, which is WHO: CALLER, whose request it was. */
void wq_inflight_report(struct wq_inflight *i, const struct wq_operation *op,
	const struct wq_caller *caller, const struct wq_cred *who);

struct wq_under_way *wq_inflight_find(const struct wq_inflight *i, pid_t tid);

/* What TID was doing has ended. */
void wq_inflight_end(struct wq_inflight *i, pid_t tid);

void wq_inflight_forget_all(struct wq_inflight *i);

/* May whoever said that U is under way speak of KEY as argument ARG of it? A source may of
 * any. */
bool wq_under_way_may_speak(
	const struct wq_under_way *u, unsigned int arg, const struct wq_key *key);

/* Is an operation under way that began before AT_NS, that may have changed KEY, and that
 * should still be waited for? */
bool wq_inflight_may_change(
	struct wq_inflight *i, const struct wq_key *key, uint64_t at_ns, bool told);

#endif
