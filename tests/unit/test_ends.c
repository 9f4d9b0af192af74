/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which key the kernel collects next. */
#include <check.h>
#include <string.h>

#include "keys/ends.h"
#include "run.h"

#define MANY 1000

static struct wq_ends ends;
static struct wq_end end[MANY];

static void set_up(void)
{
	memset(end, 0, sizeof(end));
}

static void tear_down(void)
{
	wq_ends_fini(&ends);
}

/* Takes all of them out, in order. Returns how many there were. */
static size_t take_all(void)
{
	struct wq_end *e;
	time_t last = 0;
	size_t n = 0;

	while ((e = wq_ends_first(&ends))) {
		ck_assert_int_ge(e->at, last);
		last = e->at;
		wq_ends_remove(&ends, e);
		ck_assert_uint_eq(e->place, 0);
		n++;
	}
	return n;
}

static time_t some_time(unsigned int i)
{
	return (time_t)(i * 2654435761u % 997u) + 1;
}

static void add_all(void)
{
	for (unsigned int i = 0; i < MANY; i++)
		ck_assert_int_eq(wq_ends_set(&ends, &end[i], some_time(i)), 0);
}

START_TEST(ends_come_in_their_order)
{
	add_all();
	ck_assert_uint_eq(take_all(), MANY);
}
END_TEST

START_TEST(end_that_is_set_again_moves)
{
	add_all();
	for (unsigned int i = 0; i < MANY; i += 3)
		ck_assert_int_eq(wq_ends_set(&ends, &end[i], some_time(i + 7)), 0);
	ck_assert_int_eq(wq_ends_set(&ends, &end[500], 0), 0);
	ck_assert_ptr_eq(wq_ends_first(&ends), &end[500]);
	ck_assert_uint_eq(take_all(), MANY);
}
END_TEST

START_TEST(any_may_be_removed_and_removed_again)
{
	add_all();
	for (unsigned int i = 0; i < MANY; i += 2) {
		wq_ends_remove(&ends, &end[i]);
		wq_ends_remove(&ends, &end[i]);
	}
	ck_assert_uint_eq(take_all(), MANY / 2);
	ck_assert_ptr_null(wq_ends_first(&ends));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ends");
	TCase *tc = tcase_create("ends");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, ends_come_in_their_order);
	tcase_add_test(tc, end_that_is_set_again_moves);
	tcase_add_test(tc, any_may_be_removed_and_removed_again);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
