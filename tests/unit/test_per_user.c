/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts per user, with a limit. */
#include <check.h>
#include <errno.h>

#include "base/array_size.h"
#include "base/per_user.h"
#include "run.h"

static struct wq_per_user counts;

static void set_up(void)
{
	counts = (struct wq_per_user){0};
}

static void uncharge(uid_t uid, unsigned int n)
{
	while (n--)
		wq_per_user_uncharge(&counts, uid);
}

static void nobody_has_any(void)
{
	ck_assert_ptr_null(counts.by_uid);
}

START_TEST(user_is_charged_up_to_the_limit)
{
	static const struct {
		uint64_t limit;
		unsigned int may;
	} cases[] = {{0, 0}, {1, 1}, {4, 4}, {WQ_PER_USER_UNLIMITED, 1000}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t limit = cases[i].limit;

		for (unsigned int n = 0; n < cases[i].may; n++)
			ck_assert_int_eq(wq_per_user_charge(&counts, 7, limit), 0);
		if (limit != WQ_PER_USER_UNLIMITED)
			ck_assert_int_eq(wq_per_user_charge(&counts, 7, limit), -EDQUOT);
		uncharge(7, cases[i].may);
		nobody_has_any();
	}
}
END_TEST

START_TEST(users_are_counted_apart)
{
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), 0);
	ck_assert_int_eq(wq_per_user_charge(&counts, 8, 1), 0);
	ck_assert_int_eq(wq_per_user_charge(&counts, 0, 1), 0);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), -EDQUOT);
	wq_per_user_uncharge(&counts, 8);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), -EDQUOT);
	wq_per_user_uncharge(&counts, 7);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), 0);
	uncharge(7, 1);
	uncharge(0, 1);
	nobody_has_any();
}
END_TEST

START_TEST(limit_may_fall_below_what_the_user_has)
{
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 3), 0);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 3), 0);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), -EDQUOT);
	wq_per_user_uncharge(&counts, 7);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), -EDQUOT);
	wq_per_user_uncharge(&counts, 7);
	ck_assert_int_eq(wq_per_user_charge(&counts, 7, 1), 0);
	uncharge(7, 1);
	nobody_has_any();
}
END_TEST

START_TEST(many_users_leave_nothing_behind)
{
	for (uid_t uid = 0; uid < 5000; uid++)
		ck_assert_int_eq(wq_per_user_charge(&counts, uid, 1), 0);
	for (uid_t uid = 0; uid < 5000; uid++)
		wq_per_user_uncharge(&counts, uid);
	nobody_has_any();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("per_user");
	TCase *tc = tcase_create("counts");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, user_is_charged_up_to_the_limit);
	tcase_add_test(tc, users_are_counted_apart);
	tcase_add_test(tc, limit_may_fall_below_what_the_user_has);
	tcase_add_test(tc, many_users_leave_nothing_behind);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
