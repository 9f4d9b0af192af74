/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations that have begun and not ended, as a source or their own threads have reported
 * them. A difference that one of them may have caused is not posted before that operation has
 * ended.
 */
#ifndef WQ_INFLIGHT_H
#define WQ_INFLIGHT_H

#include "base/hash.h"
#include "base/caller.h"
#include "keys/key.h"
#include "sources/event.h"

/* An operation under way. */
struct wq_under_way {
	pid_t tid;
	struct wq_operation operation;
	bool reported; /* thread tid itself reported it, and knows more than a source */
	struct wq_operation report;
	struct wq_caller reporter;
	UT_hash_handle hh;
};

/* By value in its owner. All zero: empty. */
struct wq_inflight {
	struct wq_under_way *by_tid;
	uint64_t expired_ns; /* when old ones were last dropped */
};

/* OP has begun, says a source. HAS_EVENTS: the source reports operations, so an earlier report
 * of OP is kept. So is a report of what the thread does after OP, if a source says
 * this late. */
void wq_inflight_begin(struct wq_inflight *i, const struct wq_operation *op, bool has_events);

/* OP has begun, says its thread, which is WHO (pid 0: not known), by the request of CALLER. */
void wq_inflight_report(struct wq_inflight *i, const struct wq_operation *op,
	const struct wq_caller *caller, const struct wq_cred *who);

struct wq_under_way *wq_inflight_find(const struct wq_inflight *i, pid_t tid);

/* OP has ended. It ends nothing that its thread has begun since. */
void wq_inflight_end(struct wq_inflight *i, const struct wq_operation *op);

/* A thread CHILD was made at AT_NS. What began before was begun by another one of that number.
 */
void wq_inflight_forked(struct wq_inflight *i, pid_t child, uint64_t at_ns);

void wq_inflight_forget_all(struct wq_inflight *i);

/* May the reporter of U speak about KEY as argument ARG of the operation? A source may speak
 * about any key. */
bool wq_under_way_may_speak(
	const struct wq_under_way *u, unsigned int arg, const struct wq_key *key);

/* Is there an operation under way that began before AT_NS, may have changed KEY, and is still
 * worth waiting for? HAS_EVENTS: as above. */
bool wq_inflight_may_change(
	struct wq_inflight *i, const struct wq_key *key, uint64_t at_ns, bool has_events);

#endif
