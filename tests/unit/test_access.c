/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what to a key. The kernel decides it in key_task_permission(). */
#include <check.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "keys/access.h"
#include "run.h"

#define OWNER 1000u
#define GROUP 2000u
#define OTHER 3000u
#define NONE  ((uint32_t)-1)

#define V WQ_RIGHT_VIEW
#define W WQ_RIGHT_WRITE
#define A WQ_RIGHT_SETATTR

static bool in_group(const struct wq_caller *who WQ_UNUSED, gid_t gid)
{
	return gid == GROUP;
}

static const struct {
	const char *says;
	uint32_t gid, perm; /* of a key that OWNER owns */
	uid_t uid;
	bool is_member; /* whether the caller is in GROUP */
	uint8_t rights;
	bool has, believed;
} cases[] = {
	{"the owner has the owner's rights", GROUP, 0x00040000, OWNER, false, W, true, true},
	{"the owner has the owner's rights alone", GROUP, 0x00010404, OWNER, true, W, false,
		true},
	{"the owner is believed of what it may not do", GROUP, 0, OWNER, false, W, false, true},
	{"a member has the group's rights", GROUP, 0x00000400, OTHER, true, W, true, true},
	{"a member has the group's rights alone", GROUP, 0x00000104, OTHER, true, W, false,
		false},
	{"a group without rights is passed over", GROUP, 0x00000004, OTHER, true, W, true,
		true},
	{"a key of no group has no members", NONE, 0x00000401, OTHER, true, W, false, false},
	{"others have the others' rights", GROUP, 0x00000004, OTHER, false, W, true, true},
	{"others have the others' rights alone", GROUP, 0x003f3f00, OTHER, false, W, false,
		false},
	{"View is not Write", GROUP, 0x00000001, OTHER, false, W, false, false},
	{"View is View", GROUP, 0x00000001, OTHER, false, V, true, true},
	{"one of several rights is enough", GROUP, 0x00000020, OTHER, false, W | A, true, true},
	{"what no right gives nobody has", GROUP, 0x3f3f3f3f, OTHER, false, 0, false, false},
	{"what no right gives the owner is believed of", GROUP, 0, OWNER, false, 0, false,
		true},
	{"a possessor's rights are nobody's", GROUP, 0x3f000000, OTHER, false, W, false, false},
	{"root is believed, and has no right by it", GROUP, 0, 0, false, W, false, true},
	{"bits that mean nothing give nothing", GROUP, 0x000000c0, OTHER, false, 0xff, false,
		false},
};

START_TEST(one_class_of_rights_decides)
{
	const struct wq_key_state s = {
		.uid = OWNER, .gid = cases[_i].gid, .perm = cases[_i].perm};
	const struct wq_caller who = {.uid = cases[_i].uid,
		.gid = cases[_i].uid,
		.in_group = cases[_i].is_member ? in_group : NULL};

	ck_assert_msg(wq_access_has(&s, &who, cases[_i].rights) == cases[_i].has, "%s",
		cases[_i].says);
	ck_assert_msg(wq_access_believed(&s, &who, cases[_i].rights) == cases[_i].believed,
		"%s: or is it believed?", cases[_i].says);
}
END_TEST

START_TEST(own_group_is_one_of_them)
{
	const struct wq_key_state s = {.uid = OWNER, .gid = GROUP, .perm = 0x100};
	const struct wq_caller who = {.uid = OTHER, .gid = GROUP};

	ck_assert(wq_access_may_view(&s, &who));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access");
	TCase *tcase = tcase_create("rights");

	tcase_add_loop_test(tcase, one_class_of_rights_decides, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, own_group_is_one_of_them);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
