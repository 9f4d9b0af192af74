/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each system call on keys changes, and in which order. The kernel does it in
 * security/keys/. */
#include <check.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <linux/watch_queue.h>

#include "base/array_size.h"
#include "run.h"
#include "sources/call_changes.h"
#include "sources/operation.h"
#include "wqfs.h"

/* Serials. */
#define A    11
#define B    22
#define C    33
#define D    44
#define MADE 55

#define UPDATED(key)                       \
	{                                  \
		key, NOTIFY_KEY_UPDATED, 0 \
	}
#define LINKED(ring, key)                    \
	{                                    \
		ring, NOTIFY_KEY_LINKED, key \
	}
#define UNLINKED(ring, key)                    \
	{                                      \
		ring, NOTIFY_KEY_UNLINKED, key \
	}
#define SETATTR(key)                       \
	{                                  \
		key, NOTIFY_KEY_SETATTR, 0 \
	}
#define INSTANTIATED(key, aux)                    \
	{                                         \
		key, NOTIFY_KEY_INSTANTIATED, aux \
	}

static const struct {
	const char *says;
	struct wq_hook_call call;
	struct {
		int32_t serial;
		uint8_t subtype;
		uint32_t aux;
	} changes[WQ_CALL_CHANGES_MAX]; /* ends before the serial 0 */
} cases[] = {
	{"update", {.op = KEYCTL_UPDATE, .arg = {A, B, C, D}}, {UPDATED(A)}},
	{"revoke", {.op = KEYCTL_REVOKE, .arg = {A, B}}, {{A, NOTIFY_KEY_REVOKED, 0}}},
	{"invalidate", {.op = KEYCTL_INVALIDATE, .arg = {A, B}},
		{{A, NOTIFY_KEY_INVALIDATED, 0}}},
	{"a new owner", {.op = KEYCTL_CHOWN, .arg = {A, 1000, -1}}, {SETATTR(A)}},
	{"a new group", {.op = KEYCTL_CHOWN, .arg = {A, -1, 1000}}, {SETATTR(A)}},
	{"a new owner and group", {.op = KEYCTL_CHOWN, .arg = {A, 0, 0}}, {SETATTR(A)}},
	{"neither", {.op = KEYCTL_CHOWN, .arg = {A, -1, -1}}, {{0}}},
	{"permissions", {.op = KEYCTL_SETPERM, .arg = {A, B}}, {SETATTR(A)}},
	{"a timeout", {.op = KEYCTL_SET_TIMEOUT, .arg = {A, B}}, {SETATTR(A)}},
	{"a restriction", {.op = KEYCTL_RESTRICT_KEYRING, .arg = {A}}, {SETATTR(A)}},
	{"clear", {.op = KEYCTL_CLEAR, .arg = {A, B}}, {{A, NOTIFY_KEY_CLEARED, 0}}},
	{"link the first into the second", {.op = KEYCTL_LINK, .arg = {A, B}}, {LINKED(B, A)}},
	{"unlink the first from the second", {.op = KEYCTL_UNLINK, .arg = {A, B}},
		{UNLINKED(B, A)}},
	{"link what was found", {.op = KEYCTL_SEARCH, .arg = {A, 0, 0, D}, .result = MADE},
		{LINKED(D, MADE)}},
	{"find, and link nowhere", {.op = KEYCTL_SEARCH, .arg = {A}, .result = MADE}, {{0}}},
	{"move from the second to the third", {.op = KEYCTL_MOVE, .arg = {A, B, C}},
		{UNLINKED(B, A), LINKED(C, A)}},
	{"move to where it is", {.op = KEYCTL_MOVE, .arg = {A, B, B}}, {{0}}},
	{"instantiate", {.op = KEYCTL_INSTANTIATE, .arg = {A, 0, 0, D}},
		{INSTANTIATED(A, 0), LINKED(D, A)}},
	{"instantiate, and link nowhere", {.op = KEYCTL_INSTANTIATE, .arg = {A, B, C, 0}},
		{INSTANTIATED(A, 0)}},
	{"instantiate for a keyring that is not there",
		{.op = KEYCTL_INSTANTIATE, .arg = {A, B, C, -1}}, {INSTANTIATED(A, 0)}},
	{"instantiate from pieces", {.op = KEYCTL_INSTANTIATE_IOV, .arg = {A, 0, 2, D}},
		{INSTANTIATED(A, 0), LINKED(D, A)}},
	{"negate, for the third", {.op = KEYCTL_NEGATE, .arg = {A, 60, C, D}},
		{INSTANTIATED(A, (uint32_t)-ENOKEY), LINKED(C, A)}},
	{"negate, and link nowhere", {.op = KEYCTL_NEGATE, .arg = {A, 60, 0, D}},
		{INSTANTIATED(A, (uint32_t)-ENOKEY)}},
	{"reject with an error", {.op = KEYCTL_REJECT, .arg = {A, 60, EKEYREJECTED, D}},
		{INSTANTIATED(A, (uint32_t)-EKEYREJECTED), LINKED(D, A)}},
	{"reject, and link nowhere", {.op = KEYCTL_REJECT, .arg = {A, 60, EKEYEXPIRED, 0}},
		{INSTANTIATED(A, (uint32_t)-EKEYEXPIRED)}},
	{"the keyring of a user", {.op = KEYCTL_GET_PERSISTENT, .arg = {0, B}, .result = MADE},
		{LINKED(B, MADE)}},
	{"add_key makes a key",
		{.op = WQ_HOOK_ADD_KEY, .arg = {A}, .result = MADE, .is_made = 1},
		{LINKED(A, MADE)}},
	{"add_key makes a key, in a keyring that is not there",
		{.op = WQ_HOOK_ADD_KEY, .arg = {-3}, .result = MADE, .is_made = 1}, {{0}}},
	{"add_key updates", {.op = WQ_HOOK_ADD_KEY, .arg = {A}, .result = B}, {UPDATED(B)}},
	{"request_key finds or makes one",
		{.op = WQ_HOOK_REQUEST_KEY, .arg = {A}, .result = MADE}, {LINKED(A, MADE)}},
	{"request_key links nowhere", {.op = WQ_HOOK_REQUEST_KEY, .result = MADE}, {{0}}},
	{"describe", {.op = KEYCTL_DESCRIBE, .arg = {A, B, C, D}}, {{0}}},
	{"no operation", {.op = 63, .arg = {A, B, C, D}}, {{0}}},
};

START_TEST(each_call_changes_what_the_kernel_tells)
{
	struct wq_change changes[WQ_CALL_CHANGES_MAX];
	size_t n = wq_call_changes(&cases[_i].call, changes), want = 0;

	while (want < WQ_CALL_CHANGES_MAX && cases[_i].changes[want].serial)
		want++;
	ck_assert_msg(n == want, "%s: %zu changes, not %zu", cases[_i].says, n, want);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(changes[i].serial == cases[_i].changes[i].serial &&
				      changes[i].subtype == cases[_i].changes[i].subtype &&
				      changes[i].aux == cases[_i].changes[i].aux,
			"%s: change %zu is %d %u %u", cases[_i].says, i, changes[i].serial,
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
	struct wq_change changes[WQ_CALL_CHANGES_MAX];

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

/* ---- and the table of operations ---- */

/* A bit 1 << NOTIFY_KEY_* for each argument's key, and last the result's. */
struct posts {
	unsigned int of[WQ_OP_ARGS + 1];
};

static void note_posts(struct posts *p, const struct wq_hook_call *call)
{
	struct wq_change changes[WQ_CALL_CHANGES_MAX];
	size_t n = wq_call_changes(call, changes);

	for (size_t i = 0; i < n; i++)
		for (int arg = 0; arg <= WQ_OP_ARGS; arg++)
			if (changes[i].serial ==
				(arg < WQ_OP_ARGS ? call->arg[arg] : call->result))
				p->of[arg] |= 1u << changes[i].subtype;
}

static struct posts posts_of(uint32_t op)
{
	struct wq_hook_call call = {.op = op, .arg = {A, B, C, D}, .result = MADE};
	struct posts p = {0};

	note_posts(&p, &call);
	call.is_made = true;
	note_posts(&p, &call);
	return p;
}

/* The table of operations says which key gets what; both have to agree on it. */
static void compare(uint32_t call_op, const struct wq_operation_type *type)
{
	struct posts p = posts_of(call_op);

	for (int arg = 0; arg < WQ_OP_ARGS; arg++) {
		/* a report of add_key() names the key that it may update, a call does not */
		if (call_op == WQ_HOOK_ADD_KEY && arg == 1)
			continue;
		ck_assert_msg(p.of[arg] == type->arg[arg].tells,
			"operation %u, argument %d: %#x, but %#x in the table", call_op, arg,
			p.of[arg], type->arg[arg].tells);
	}
	ck_assert_msg(p.of[WQ_OP_ARGS] == type->result.tells,
		"operation %u, result: %#x, but %#x in the table", call_op, p.of[WQ_OP_ARGS],
		type->result.tells);
}

START_TEST(the_table_of_operations_says_the_same)
{
	uint32_t op;

	for (unsigned int i = 0; wq_operation_keyctl(i, &op); i++)
		compare(op, wq_operation_find(op));
	compare(WQ_HOOK_ADD_KEY, wq_operation_find(WQFS_REPORT_ADD_KEY));
	compare(WQ_HOOK_REQUEST_KEY, wq_operation_find(WQFS_REPORT_REQUEST_KEY));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("call_changes");
	TCase *tcase = tcase_create("calls");

	tcase_add_loop_test(
		tcase, each_call_changes_what_the_kernel_tells, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, each_change_says_who_made_it_and_when);
	tcase_add_test(tcase, the_table_of_operations_says_the_same);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
