/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a call that kernel-syscalls reports has changed, by whom and when. */
#include <check.h>
#include <string.h>

#include "calls.h"
#include "run.h"
#include "sources/call_changes.h"

static struct wq_hook_call reported(const struct wq_operation *op)
{
	struct wq_hook_call call = {
		.op = op->op,
		.result = op->result,
		.is_made = op->made == WQ_MADE_CREATED,
	};

	if (op->op == WQFS_REPORT_ADD_KEY)
		call.op = WQ_HOOK_ADD_KEY;
	else if (op->op == WQFS_REPORT_REQUEST_KEY)
		call.op = WQ_HOOK_REQUEST_KEY;
	memcpy(call.arg, op->arg, sizeof(call.arg));
	return call;
}

START_TEST(each_call_changes_what_the_kernel_posts)
{
	const struct call *c = &calls[_i];
	const struct wq_hook_call call = reported(&c->op);
	struct wq_change changes[WQ_OP_POSTS];
	size_t n = wq_call_changes(&call, changes);

	ck_assert_msg(
		n == call_records(c), "%s: %zu changes, not %u", c->says, n, call_records(c));
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(changes[i].serial == c->changes[i].serial &&
				      changes[i].subtype == c->changes[i].subtype &&
				      changes[i].aux == c->changes[i].aux,
			"%s: change %zu is %d %u %u", c->says, i, changes[i].serial,
			changes[i].subtype, changes[i].aux);
}
END_TEST

START_TEST(each_change_says_who_made_it_and_when)
{
	struct wq_hook_call call = {.op = KEYCTL_MOVE,
		.arg = {A, B, C},
		.begin_ns = 1,
		.at_ns = 1234567890123,
		.who = {.pid = 7,
			.tid = 8,
			.uid = 100000,
			.gid = 100001,
			.comm = "fifteen letters"}};
	struct wq_change changes[WQ_OP_POSTS];

	ck_assert_uint_eq(wq_call_changes(&call, changes), 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(changes[i].at_ns, 1234567890123);
		ck_assert_int_eq(changes[i].who.pid, 7);
		ck_assert_uint_eq(changes[i].who.uid, 100000);
		ck_assert_uint_eq(changes[i].who.gid, 100001);
		ck_assert_str_eq(changes[i].who.comm, "fifteen letters");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("call_changes");
	TCase *tcase = tcase_create("calls");

	tcase_add_loop_test(
		tcase, each_call_changes_what_the_kernel_posts, 0, ARRAY_SIZE(calls));
	tcase_add_test(tcase, each_change_says_who_made_it_and_when);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
