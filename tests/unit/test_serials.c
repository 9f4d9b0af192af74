/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which keys existed before, as far as operations have named them. */
#include <check.h>

#include "keys/serials.h"
#include "run.h"

#define ALICE 1000

static struct wq_serials serials;

static void set_up(void)
{
	serials = (struct wq_serials){0};
}

START_TEST(nothing_is_known_at_first)
{
	ck_assert(!wq_serials_known(&serials, 7, WQ_SERIALS_TRACED, UINT64_MAX));
}
END_TEST

START_TEST(serial_is_known_from_the_earliest_time_that_was_said)
{
	wq_serials_note(&serials, 7, WQ_SERIALS_TRACED, 20);
	wq_serials_note(&serials, 7, WQ_SERIALS_TRACED, 10);
	wq_serials_note(&serials, 7, WQ_SERIALS_TRACED, 30);
	ck_assert(!wq_serials_known(&serials, 7, WQ_SERIALS_TRACED, 9));
	ck_assert(wq_serials_known(&serials, 7, WQ_SERIALS_TRACED, 10));
}
END_TEST

START_TEST(what_one_user_said_is_none_of_anothers_knowledge)
{
	wq_serials_note(&serials, 7, ALICE, 0);
	ck_assert(wq_serials_known(&serials, 7, ALICE, 0));
	ck_assert(!wq_serials_known(&serials, 7, ALICE + 1, UINT64_MAX));
	ck_assert(!wq_serials_known(&serials, 7, WQ_SERIALS_TRACED, UINT64_MAX));
}
END_TEST

/* Serials with the same place are distinguished, too: there are more serials than places. */
START_TEST(last_ones_are_known_however_many_there_were)
{
	const int32_t last = 10 * WQ_SERIALS_ROOM;

	for (int32_t i = 1; i <= last; i++) {
		wq_serials_note(&serials, i, WQ_SERIALS_TRACED, (uint64_t)i);
		ck_assert(!wq_serials_known(&serials, i + 1, WQ_SERIALS_TRACED, UINT64_MAX));
	}
	for (int32_t i = last; i > last - (int32_t)WQ_SERIALS; i--)
		ck_assert(wq_serials_known(&serials, i, WQ_SERIALS_TRACED, (uint64_t)i));
	ck_assert(!wq_serials_known(&serials, 1, WQ_SERIALS_TRACED, UINT64_MAX));
}
END_TEST

START_TEST(one_that_is_named_again_and_again_is_not_forgotten)
{
	for (int32_t i = 8; i < 10 * (int32_t)WQ_SERIALS_ROOM; i++) {
		wq_serials_note(&serials, i, WQ_SERIALS_TRACED, (uint64_t)i);
		if (i % 1000 == 8)
			wq_serials_note(&serials, 7, WQ_SERIALS_TRACED, (uint64_t)i);
		ck_assert(wq_serials_known(&serials, 7, WQ_SERIALS_TRACED, 8));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("serials");
	TCase *tc = tcase_create("known");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, nothing_is_known_at_first);
	tcase_add_test(tc, serial_is_known_from_the_earliest_time_that_was_said);
	tcase_add_test(tc, what_one_user_said_is_none_of_anothers_knowledge);
	tcase_add_test(tc, last_ones_are_known_however_many_there_were);
	tcase_add_test(tc, one_that_is_named_again_and_again_is_not_forgotten);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
