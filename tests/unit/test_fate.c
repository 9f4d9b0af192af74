/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/fate.h"
#include "run.h"

static struct wq_fates fates;

static void set_up(void)
{
	fates = (struct wq_fates){0};
}

START_TEST(who_is_dead_is_so_from_its_time_on)
{
	wq_fates_note_dead(&fates, 7, 100);
	ck_assert(!wq_fates_is_dead(&fates, 7, 99));
	ck_assert(wq_fates_is_dead(&fates, 7, 100));
	ck_assert(!wq_fates_is_dead(&fates, 8, 100));
	wq_fates_note_dead(&fates, 7, 0);
	ck_assert(!wq_fates_is_dead(&fates, 7, 100));
}
END_TEST

START_TEST(the_oldest_is_forgotten)
{
	for (int32_t i = 1; i <= WQ_FATES_MAX + 1; i++)
		wq_fates_note_dead(&fates, i, 1);
	ck_assert(!wq_fates_is_dead(&fates, 1, 1));
	ck_assert(wq_fates_is_dead(&fates, 2, 1));
	ck_assert(wq_fates_is_dead(&fates, WQ_FATES_MAX + 1, 1));
}
END_TEST

START_TEST(who_lives_and_was_not_dead_takes_nobodys_place)
{
	for (int32_t i = 1; i <= WQ_FATES_MAX; i++)
		wq_fates_note_dead(&fates, i, 1);
	for (int32_t i = 1000; i < 1010; i++)
		wq_fates_note_dead(&fates, i, 0);
	for (int32_t i = 1; i <= WQ_FATES_MAX; i++)
		ck_assert(wq_fates_is_dead(&fates, i, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fate");
	TCase *t = tcase_create("fate");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, who_is_dead_is_so_from_its_time_on);
	tcase_add_test(t, the_oldest_is_forgotten);
	tcase_add_test(t, who_lives_and_was_not_dead_takes_nobodys_place);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
