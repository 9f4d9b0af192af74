/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which operations matter. What the kernel does for each: security/keys/. */
#include <check.h>
#include <linux/keyctl.h>

#include "hint.h"
#include "wqfs.h"
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

START_TEST(operations_that_change_or_teach_matter)
{
	ck_assert_msg(wq_hint_matters(cases[_i].op) == cases[_i].matters, "%#x: %s",
		cases[_i].op, cases[_i].says);
	ck_assert_msg(wq_hint_may_destroy(cases[_i].op) == cases[_i].may_destroy, "%#x: %s",
		cases[_i].op, cases[_i].says);
}
END_TEST

START_TEST(list_of_operations_is_that_of_those_that_matter)
{
	unsigned int n, found = 0;
	const uint32_t *ops = wq_hint_keyctl_ops(&n);

	for (uint32_t op = 0; op < WQFS_REPORT_ADD_KEY; op++)
		found += wq_hint_matters(op);
	ck_assert_uint_eq(n, found);
	for (unsigned int i = 0; i < n; i++)
		ck_assert(wq_hint_matters(ops[i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hint");
	TCase *tcase = tcase_create("operations");

	tcase_add_loop_test(tcase, operations_that_change_or_teach_matter, 0,
		sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, list_of_operations_is_that_of_those_that_matter);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
