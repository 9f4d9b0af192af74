/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "keys/report.h"

/* Does the source in use report all that OP, which CALLER reports, has changed? */
static bool is_needless(
	const struct wq_feed *f, const struct wq_operation *op, const struct wq_caller *caller)
{
	if (wq_model_has(f->model, WQ_SOURCE_CHANGES))
		return true;
	return wq_model_has(f->model, WQ_SOURCE_OPERATIONS) && op->end_ns &&
	       (!caller->compat || wq_model_has(f->model, WQ_SOURCE_COMPAT));
}

/* Who CALLER is, for a source that will tell of its operation without saying who did it. */
static struct wq_cred beginner(const struct wq_feed *f, const struct wq_caller *caller)
{
	if (!wq_model_has(f->model, WQ_SOURCE_OPERATIONS) ||
		wq_model_has(f->model, WQ_SOURCE_IDENTITY))
		return (struct wq_cred){0};
	return wq_actors_reporter(f->actors, caller);
}

int wq_report(
	struct wq_feed *f, const struct wqfs_key_report *report, const struct wq_caller *caller)
{
	uint64_t now = wq_now_ns();
	struct wq_operation op = {
		.op = report->op,
		.result = report->result,
		.begin_ns = report->begin_ns,
		.end_ns = report->end_ns,
		.tid = caller->pid,
	};
	struct wq_statement t = {.model = f->model, .op = &op, .caller = caller};

	memcpy(op.arg, report->arg, sizeof(op.arg));
	if (!wq_operation_find(op.op) || op.begin_ns > now || op.end_ns > now ||
		(op.end_ns && op.end_ns < op.begin_ns))
		return -EINVAL;
	if (!op.end_ns && !caller->pid)
		return 0; /* threads in foreign pid namespaces all have number 0 */
	/* at a beginning: what its thread did before is over */
	if (wq_model_has(f->model, WQ_SOURCE_OPERATIONS))
		wq_feed_drain_for(f, caller->uid);
	if (is_needless(f, &op, caller)) {
		wq_debug_keys(
			"key %d: what thread %d reports is dropped: the source reports it",
			op.arg[0], (int)op.tid);
		return 0;
	}
	if (!op.end_ns) {
		const struct wq_cred who = beginner(f, caller);

		wq_resolve_begin(f->resolve, &op);
		wq_inflight_report(&f->model->inflight, &op, caller, &who);
		return 0;
	}
	wq_resolve_reported(f->resolve, &op, caller, &t.meaning);
	wq_follow_ended(&f->follower, &t);
	return 0;
}
