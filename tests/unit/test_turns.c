/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user who has had a turn waits for the next one, and no other user does. */
#include <check.h>
#include <string.h>

#include "base/turns.h"
#include "run.h"

#define NOW 1000u

static struct wq_turns turns;

static void set_up(void)
{
	memset(&turns, 0, sizeof(turns));
}

START_TEST(who_has_had_a_turn_waits_and_others_do_not)
{
	wq_turns_take(&turns, 1000, NOW + 50, NOW);
	ck_assert_uint_eq(wq_turns_due(&turns, 1000, NOW), NOW + 50);
	ck_assert_uint_eq(wq_turns_due(&turns, 1001, NOW), 0);
	ck_assert_uint_eq(wq_turns_due(&turns, 0, NOW), 0);
}
END_TEST

START_TEST(next_turn_may_come_when_its_time_has)
{
	wq_turns_take(&turns, 1000, NOW + 50, NOW);
	ck_assert_uint_eq(wq_turns_due(&turns, 1000, NOW + 50), 0);
	wq_turns_take(&turns, 1000, NOW + 100, NOW + 50);
	ck_assert_uint_eq(wq_turns_due(&turns, 1000, NOW + 50), NOW + 100);
}
END_TEST

/* Users without a place wait together. */
START_TEST(users_without_number_are_remembered_in_a_bounded_room)
{
	for (uid_t uid = 0; uid < 1000; uid++)
		wq_turns_take(&turns, uid, NOW + 50, NOW);
	for (uid_t uid = 0; uid < 1000; uid++)
		ck_assert_uint_eq(wq_turns_due(&turns, uid, NOW), NOW + 50);
	ck_assert_uint_eq(wq_turns_due(&turns, 5000, NOW), NOW + 50);
	ck_assert_uint_eq(wq_turns_due(&turns, 5000, NOW + 50), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("turns");
	TCase *tc = tcase_create("turns");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, who_has_had_a_turn_waits_and_others_do_not);
	tcase_add_test(tc, next_turn_may_come_when_its_time_has);
	tcase_add_test(tc, users_without_number_are_remembered_in_a_bounded_room);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
