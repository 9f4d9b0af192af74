/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/timeouts.h"
#include "run.h"

#define NOW 1000
#define SEC 1000000000ull

static struct wq_timeouts t;

static void set_up(void)
{
	t = (struct wq_timeouts){0};
}

static void tear_down(void)
{
	wq_timeouts_fini(&t);
}

/* A pass at SECOND that sees SERIAL, if that is not 0, with DUE. */
static void pass(int32_t serial, time_t due, uint64_t second)
{
	wq_timeouts_begin(&t, NOW);
	if (serial)
		wq_timeouts_line(&t, serial, due, false, second * SEC);
	wq_timeouts_end(&t, second * SEC);
}

/* A pass at NOW + LATER, which sees that SERIAL has expired; the kernel would collect it 300 s
 * after that. */
static void pass_sees_expired(int32_t serial, time_t later)
{
	wq_timeouts_begin(&t, NOW + later);
	wq_timeouts_line(&t, serial, NOW + later + 300, true, 1);
	wq_timeouts_end(&t, 1);
}

START_TEST(a_key_may_be_collected_when_its_timeout_has_passed)
{
	pass(7, NOW + 5, 1);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW + 4));
	ck_assert(wq_timeouts_is_due(&t, 7, NOW + 5));
	ck_assert(!wq_timeouts_is_due(&t, 8, NOW + 5));
}
END_TEST

START_TEST(a_key_without_a_timeout_is_not_collected)
{
	pass(7, 0, 1);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW + 100));
	pass(7, NOW, 1);
	pass(7, 0, 2);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW + 100));
}
END_TEST

START_TEST(a_key_that_is_gone_is_known_for_a_minute)
{
	pass(7, NOW, 1);
	pass(0, 0, 2);
	pass(8, NOW, 61);
	ck_assert(wq_timeouts_is_due(&t, 7, NOW));
	ck_assert(wq_timeouts_is_due(&t, 8, NOW));
	pass(0, 0, 62);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW));
	ck_assert(wq_timeouts_is_due(&t, 8, NOW));
}
END_TEST

START_TEST(a_key_that_is_gone_is_known_after_the_next_pass_however_late)
{
	pass(7, NOW, 1);
	pass(0, 0, 3600);
	ck_assert(wq_timeouts_is_due(&t, 7, NOW));
	pass(0, 0, 3601);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW));
}
END_TEST

START_TEST(what_has_expired_is_due_when_that_was_foretold)
{
	pass(7, NOW + 300, 1);
	pass_sees_expired(7, 1);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW + 299));
	ck_assert(wq_timeouts_is_due(&t, 7, NOW + 300));
}
END_TEST

START_TEST(what_was_not_foretold_has_expired_since_the_last_pass)
{
	pass(7, NOW + 3900, 1);
	pass_sees_expired(7, 20);
	ck_assert(!wq_timeouts_is_due(&t, 7, NOW + 299));
	ck_assert(wq_timeouts_is_due(&t, 7, NOW + 300));
	pass_sees_expired(8, 30); /* revoked */
	ck_assert(!wq_timeouts_is_due(&t, 8, NOW + 319));
	ck_assert(wq_timeouts_is_due(&t, 8, NOW + 320));
	pass_sees_expired(8, 40);
	ck_assert(wq_timeouts_is_due(&t, 8, NOW + 320));
}
END_TEST

START_TEST(what_the_first_pass_finds_expired_may_be_due)
{
	pass_sees_expired(7, 0);
	ck_assert(wq_timeouts_is_due(&t, 7, NOW));
}
END_TEST

START_TEST(a_pass_that_does_not_end_is_as_if_it_had_not_been)
{
	pass(7, NOW, 1);
	wq_timeouts_begin(&t, NOW);
	wq_timeouts_line(&t, 7, 0, false, SEC);
	wq_timeouts_line(&t, 8, NOW, false, SEC);
	ck_assert(wq_timeouts_is_due(&t, 7, NOW));
	ck_assert(!wq_timeouts_is_due(&t, 8, NOW));
	pass(0, 0, 1);
	ck_assert(wq_timeouts_is_due(&t, 7, NOW));
	ck_assert(!wq_timeouts_is_due(&t, 8, NOW));
}
END_TEST

START_TEST(many_keys_come_and_go_in_order)
{
	for (unsigned int round = 0; round < 3; round++) {
		wq_timeouts_begin(&t, NOW);
		for (int32_t i = 1; i <= 3000; i++)
			if ((unsigned int)i % 3 == round)
				wq_timeouts_line(&t, i, NOW, false, SEC);
		wq_timeouts_end(&t, SEC);
	}
	for (int32_t i = 1; i <= 3000; i++)
		ck_assert(wq_timeouts_is_due(&t, i, NOW));
	ck_assert(!wq_timeouts_is_due(&t, 3001, NOW));
}
END_TEST

/* A user who can make a key can make lines. */
START_TEST(what_a_second_line_says_is_not_believed)
{
	pass(7, NOW + 50, 1);
	for (int32_t forged = 6; forged <= 8; forged++) {
		wq_timeouts_begin(&t, NOW);
		wq_timeouts_line(&t, forged, NOW, false, 2 * SEC);
		wq_timeouts_line(&t, 6, 0, false, 2 * SEC);
		wq_timeouts_line(&t, 7, NOW + 50, false, 2 * SEC);
		wq_timeouts_line(&t, 8, 0, false, 2 * SEC);
		wq_timeouts_end(&t, 2 * SEC);
		for (int32_t i = 6; i <= 8; i++)
			ck_assert_msg(!wq_timeouts_is_due(&t, i, NOW), "%d", i);
		ck_assert(wq_timeouts_is_due(&t, 7, NOW + 50));
	}
}
END_TEST

/* The serials are ascending only in true lines. */
START_TEST(forged_lines_hide_no_others)
{
	wq_timeouts_begin(&t, NOW);
	wq_timeouts_line(&t, 1000, 0, false, SEC);
	wq_timeouts_line(&t, 7, NOW, false, SEC);
	wq_timeouts_line(&t, 9, NOW, false, SEC);
	wq_timeouts_line(&t, 5, 0, false, SEC);
	wq_timeouts_line(&t, 11, NOW, false, SEC);
	wq_timeouts_end(&t, SEC);
	ck_assert(wq_timeouts_is_due(&t, 7, NOW));
	ck_assert(wq_timeouts_is_due(&t, 9, NOW));
	ck_assert(wq_timeouts_is_due(&t, 11, NOW));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timeouts");
	TCase *c = tcase_create("timeouts");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_key_may_be_collected_when_its_timeout_has_passed);
	tcase_add_test(c, a_key_without_a_timeout_is_not_collected);
	tcase_add_test(c, a_key_that_is_gone_is_known_for_a_minute);
	tcase_add_test(c, a_key_that_is_gone_is_known_after_the_next_pass_however_late);
	tcase_add_test(c, what_has_expired_is_due_when_that_was_foretold);
	tcase_add_test(c, what_was_not_foretold_has_expired_since_the_last_pass);
	tcase_add_test(c, what_the_first_pass_finds_expired_may_be_due);
	tcase_add_test(c, a_pass_that_does_not_end_is_as_if_it_had_not_been);
	tcase_add_test(c, many_keys_come_and_go_in_order);
	tcase_add_test(c, what_a_second_line_says_is_not_believed);
	tcase_add_test(c, forged_lines_hide_no_others);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
