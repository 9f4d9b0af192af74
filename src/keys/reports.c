/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What processes report of themselves, by WQFS_IOC_REPORT. */
#include <errno.h>
#include <string.h>

#include "keys/keys_internal.h"

int wq_keys_report(struct wq_keys *keys, const struct wqfs_key_report *report,
	const struct wq_caller *caller)
{
	uint64_t now = wq_now_ns();
	struct wq_operation h = {
		.op = report->op,
		.result = report->result,
		.begin_ns = report->begin_ns,
		.end_ns = report->end_ns,
		.tid = caller->pid,
	};

	memcpy(h.arg, report->arg, sizeof(h.arg));
	if (!wq_operation_find(h.op) || h.begin_ns > now || h.end_ns > now ||
		(h.end_ns && h.end_ns < h.begin_ns))
		return -EINVAL;
	if (!h.end_ns && !caller->pid)
		return 0; /* all threads of pid namespaces that are not ours have no number */
	if (wq_keys_are_told(keys)) {
		/* of a beginning: what its thread did before is over */
		wq_keys_catch_up(keys);
		if (h.end_ns && (!caller->compat || wq_supervisor_has(&keys->sources, WQ_SOURCE_COMPAT)))
			return 0; /* the trace tells of it, too */
	}
	if (h.end_ns && h.result >= 0)
		h.who = wq_keys_reporter(keys, caller);
	wq_keys_interpret(keys, &h, caller);
	return 0;
}
