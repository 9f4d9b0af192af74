/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each operation means. The kernel does it in security/keys/. */
#include <check.h>

#include "calls.h"
#include "run.h"

static const struct {
	const char *says;
	uint32_t op;
	bool matters, may_destroy;
} cases[] = {
	{"asks for a special keyring's serial", KEYCTL_GET_KEYRING_ID, true, false},
	{"joins, and leaves another", KEYCTL_JOIN_SESSION_KEYRING, true, true},
	{"UPDATED", KEYCTL_UPDATE, true, false},
	{"REVOKED, and a keyring loses its members", KEYCTL_REVOKE, true, true},
	{"SETATTR", KEYCTL_CHOWN, true, false},
	{"SETATTR", KEYCTL_SETPERM, true, false},
	{"nothing", KEYCTL_DESCRIBE, false, false},
	{"CLEARED", KEYCTL_CLEAR, true, true},
	{"LINKED, in the place of another", KEYCTL_LINK, true, true},
	{"UNLINKED", KEYCTL_UNLINK, true, true},
	{"LINKED, if told where", KEYCTL_SEARCH, true, true},
	{"nothing", KEYCTL_READ, false, false},
	{"INSTANTIATED, and LINKED", KEYCTL_INSTANTIATE, true, true},
	{"INSTANTIATED, and LINKED", KEYCTL_NEGATE, true, true},
	{"nothing", KEYCTL_SET_REQKEY_KEYRING, false, false},
	{"SETATTR; the end comes at a known time", KEYCTL_SET_TIMEOUT, true, false},
	{"nothing", KEYCTL_ASSUME_AUTHORITY, false, false},
	{"nothing", KEYCTL_GET_SECURITY, false, false},
	{"the parent joins, and leaves another", KEYCTL_SESSION_TO_PARENT, true, true},
	{"INSTANTIATED, and LINKED", KEYCTL_REJECT, true, true},
	{"INSTANTIATED, and LINKED", KEYCTL_INSTANTIATE_IOV, true, true},
	{"INVALIDATED", KEYCTL_INVALIDATE, true, true},
	{"LINKED", KEYCTL_GET_PERSISTENT, true, true},
	{"nothing", KEYCTL_DH_COMPUTE, false, false},
	{"nothing", KEYCTL_PKEY_SIGN, false, false},
	{"SETATTR", KEYCTL_RESTRICT_KEYRING, true, false},
	{"UNLINKED, LINKED", KEYCTL_MOVE, true, true},
	{"nothing", KEYCTL_CAPABILITIES, false, false},
	{"nothing", KEYCTL_WATCH_KEY, false, false},
	{"LINKED or UPDATED", WQFS_REPORT_ADD_KEY, true, true},
	{"LINKED, of a new key or a found one", WQFS_REPORT_REQUEST_KEY, true, true},
	{"no operation", 0xffff, false, false},
	{"no operation", WQFS_REPORT_REQUEST_KEY + 1, false, false},
};

START_TEST(operations_that_change_or_teach_are_found)
{
	const struct wq_operation_type *type = wq_operation_find(cases[_i].op);

	ck_assert_msg(!!type == cases[_i].matters, "%#x: %s", cases[_i].op, cases[_i].says);
	ck_assert_msg((type && type->may_destroy) == cases[_i].may_destroy, "%#x: %s",
		cases[_i].op, cases[_i].says);
}
END_TEST

START_TEST(keyctl_operations_are_listed_each_once)
{
	uint32_t op, seen = 0;
	unsigned int n = 0, found = 0;

	while (wq_operation_keyctl(n, &op)) {
		ck_assert_uint_lt(op, 32);
		ck_assert(!(seen & 1u << op));
		seen |= 1u << op;
		n++;
	}
	for (op = 0; op < WQFS_REPORT_ADD_KEY; op++)
		found += wq_operation_find(op) != NULL;
	ck_assert_uint_eq(n, found);
}
END_TEST

/* The rights that keyctl.c, keys.c and request_key.c pass to lookup_user_key(), as a mask: View
 * 1, Read 2, Write 4, Search 8, Link 0x10, Setattr 0x20. */
static const struct {
	uint32_t op;
	unsigned int subtype;
	uint8_t rights;
} needs[] = {
	{KEYCTL_UPDATE, NOTIFY_KEY_UPDATED, 0x04},
	{KEYCTL_REVOKE, NOTIFY_KEY_REVOKED, 0x24},
	{KEYCTL_INVALIDATE, NOTIFY_KEY_INVALIDATED, 0x08},
	{KEYCTL_CHOWN, NOTIFY_KEY_SETATTR, 0x20},
	{KEYCTL_SETPERM, NOTIFY_KEY_SETATTR, 0}, /* only the owner may */
	{KEYCTL_SET_TIMEOUT, NOTIFY_KEY_SETATTR, 0x20},
	{KEYCTL_RESTRICT_KEYRING, NOTIFY_KEY_SETATTR, 0x20},
	{KEYCTL_CLEAR, NOTIFY_KEY_CLEARED, 0x04},
	{KEYCTL_LINK, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_UNLINK, NOTIFY_KEY_UNLINKED, 0x04},
	{KEYCTL_MOVE, NOTIFY_KEY_UNLINKED, 0x04},
	{KEYCTL_MOVE, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_SEARCH, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_GET_PERSISTENT, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_INSTANTIATE, NOTIFY_KEY_INSTANTIATED, 0}, /* needs an authorisation key */
	{KEYCTL_INSTANTIATE, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_INSTANTIATE_IOV, NOTIFY_KEY_INSTANTIATED, 0},
	{KEYCTL_INSTANTIATE_IOV, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_NEGATE, NOTIFY_KEY_INSTANTIATED, 0},
	{KEYCTL_NEGATE, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_REJECT, NOTIFY_KEY_INSTANTIATED, 0},
	{KEYCTL_REJECT, NOTIFY_KEY_LINKED, 0x04},
	{WQFS_REPORT_ADD_KEY, NOTIFY_KEY_LINKED, 0x04},
	{WQFS_REPORT_ADD_KEY, NOTIFY_KEY_UPDATED, 0x04},
	{WQFS_REPORT_REQUEST_KEY, NOTIFY_KEY_LINKED, 0x04},
	{KEYCTL_UPDATE, NOTIFY_KEY_REVOKED, 0}, /* it does not post that */
	{KEYCTL_READ, NOTIFY_KEY_UPDATED, 0},
	{0xffff, NOTIFY_KEY_UPDATED, 0},
};

START_TEST(rights_are_those_that_the_kernel_asks_for)
{
	ck_assert_msg(wq_operation_rights(needs[_i].op, needs[_i].subtype) == needs[_i].rights,
		"%#x %u: not %#x", needs[_i].op, needs[_i].subtype, needs[_i].rights);
}
END_TEST

/* Does one of the calls that are written down by hand show the record POST of OP? */
static bool is_shown(uint32_t op, const struct wq_op_post *post)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (unsigned int n = 0; calls[i].op.op == op && n < call_records(&calls[i]);
			n++)
			if (calls[i].changes[n].subtype == post->subtype &&
				calls[i].changes[n].serial ==
					wq_operation_number(&calls[i].op, post->key))
				return true;
	return false;
}

static void check_shown(uint32_t op)
{
	const struct wq_operation_type *type = wq_operation_find(op);

	for (int i = 0; i < WQ_OP_POSTS; i++)
		ck_assert_msg(!type->posts[i].when || is_shown(op, &type->posts[i]),
			"operation %#x: nothing shows its record %d", op, i);
}

/* test_call_changes and test_interpret run these calls, so that they prove each row. */
START_TEST(each_record_of_the_table_is_shown_by_a_call)
{
	uint32_t op;

	for (unsigned int i = 0; wq_operation_keyctl(i, &op); i++)
		check_shown(op);
	check_shown(WQFS_REPORT_ADD_KEY);
	check_shown(WQFS_REPORT_REQUEST_KEY);
}
END_TEST

/* A process need not report what can post nothing. */
static const struct {
	const char *says;
	struct wq_operation op;
	bool is_idle;
} idle[] = {
	{"moves to where it is", {.op = KEYCTL_MOVE, .arg = {A, B, B}}, true},
	{"moves", {.op = KEYCTL_MOVE, .arg = {A, B, C}}, false},
	{"sets neither user nor group", {.op = KEYCTL_CHOWN, .arg = {A, -1, -1}}, true},
	{"sets a group", {.op = KEYCTL_CHOWN, .arg = {A, -1, 0}}, false},
	{"finds only", {.op = KEYCTL_SEARCH, .arg = {A}}, true},
	{"links what it finds", {.op = KEYCTL_SEARCH, .arg = {A, 0, 0, D}}, false},
	{"links nowhere, but instantiates", {.op = KEYCTL_INSTANTIATE, .arg = {A}}, false},
	{"may link to the default keyring", {.op = WQFS_REPORT_REQUEST_KEY}, false},
	{"makes or updates", {.op = WQFS_REPORT_ADD_KEY, .arg = {A}}, false},
	{"posts nothing ever, but ends keys", {.op = KEYCTL_JOIN_SESSION_KEYRING}, false},
	{"is in no table", {.op = KEYCTL_DESCRIBE, .arg = {A}}, false},
};

START_TEST(an_operation_is_idle_if_its_arguments_say_so)
{
	ck_assert_msg(wq_operation_is_idle(&idle[_i].op) == idle[_i].is_idle, "what %s",
		idle[_i].says);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("operation");
	TCase *tcase = tcase_create("operations");

	tcase_add_loop_test(
		tcase, operations_that_change_or_teach_are_found, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, keyctl_operations_are_listed_each_once);
	tcase_add_loop_test(
		tcase, rights_are_those_that_the_kernel_asks_for, 0, ARRAY_SIZE(needs));
	tcase_add_test(tcase, each_record_of_the_table_is_shown_by_a_call);
	tcase_add_loop_test(
		tcase, an_operation_is_idle_if_its_arguments_say_so, 0, ARRAY_SIZE(idle));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
