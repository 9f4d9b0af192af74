/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "sources/call_changes.h"
#include "wqfs.h"

static uint32_t number_of(const struct wq_hook_call *call)
{
	switch (call->op) {
	case WQ_HOOK_ADD_KEY:
		return WQFS_REPORT_ADD_KEY;
	case WQ_HOOK_REQUEST_KEY:
		return WQFS_REPORT_REQUEST_KEY;
	default:
		return call->op;
	}
}

static struct wq_operation operation_of(const struct wq_hook_call *call)
{
	struct wq_operation op = {
		.op = number_of(call),
		.result = call->result,
		.made = call->is_made ? WQ_MADE_CREATED : WQ_MADE_UPDATED,
	};

	memcpy(op.arg, call->arg, sizeof(op.arg));
	return op;
}

/* What CALL, which is OP, changes by POST. The serial is not above 0 if no key was given. */
static struct wq_change change_of(const struct wq_hook_call *call,
	const struct wq_operation *op, const struct wq_op_post *post)
{
	struct wq_change c = {
		.serial = wq_operation_number(op, post->key),
		.subtype = post->subtype,
		.aux = (uint32_t)wq_operation_aux(op, post),
		.at_ns = call->at_ns,
		.who = {.pid = (pid_t)call->who.pid,
			.uid = call->who.uid,
			.gid = call->who.gid},
	};

	memcpy(c.who.comm, call->who.comm, sizeof(c.who.comm));
	return c;
}

size_t wq_call_changes(const struct wq_hook_call *call, struct wq_change changes[WQ_OP_POSTS])
{
	const struct wq_operation op = operation_of(call);
	const struct wq_operation_type *type = wq_operation_find(op.op);
	size_t n = 0;

	for (int i = 0; type && i < WQ_OP_POSTS; i++) {
		if (!wq_operation_posts(&op, &type->posts[i]))
			continue;
		changes[n] = change_of(call, &op, &type->posts[i]);
		if (changes[n].serial > 0)
			n++;
	}
	return n;
}
