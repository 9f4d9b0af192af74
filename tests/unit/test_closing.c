/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queues that nobody uses any more, with thousands of watches. */
#include <stdlib.h>
#include <string.h>

#include "fuse/closing.h"
#include "run.h"

#define MANY	 50000 /* enough for several slices */
#define USER	 1000u
#define ANOTHER	 1001u
#define AT_LEAST 32 /* so many watches are released whatever time is left */

static struct wq_loop *loop;
static struct wq_closing closing;
static struct wq_watch_list doors;
static unsigned int released, stop_at, turns;

static void release(struct wq_watch *w)
{
	free(w);
	if (++released == stop_at)
		wq_loop_stop(loop);
}

static void count_turn(void *arg)
{
	(void)arg;
	turns++;
}

static void set_up(void)
{
	loop = wq_loop_new();
	memset(&closing, 0, sizeof(closing));
	wq_closing_init(&closing, loop);
	wq_watch_list_init(&doors, release);
	released = stop_at = turns = 0;
	wq_loop_before_wait(loop, count_turn, NULL);
}

static void tear_down(void)
{
	wq_closing_fini(&closing);
	ck_assert(wq_watch_list_empty(&doors));
	wq_loop_free(loop);
}

/* A queue that watches N objects. */
static struct wq_queue *watching(unsigned int n)
{
	struct wq_queue *q = wq_queue_new(NULL, NULL, NULL);

	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(wq_queue_set_size(q, 8), 0);
	for (unsigned int i = 0; i < n; i++) {
		struct wq_watch *w = calloc(1, sizeof(*w));

		ck_assert_ptr_nonnull(w);
		wq_watch_init(w, q);
		w->id = i;
		ck_assert_int_eq(wq_watch_add(w, &doors), 0);
	}
	return q;
}

/* Runs until N are released, or a few more. */
static void run_until(unsigned int n)
{
	stop_at = n;
	ck_assert_int_eq(wq_loop_run(loop), 0);
}

static void run_until_released(unsigned int n)
{
	if (released < n)
		run_until(n);
	ck_assert_uint_eq(released, n);
}

static void use_up_time_of(uid_t uid)
{
	ck_assert(wq_shares_left(&closing.shares, uid, wq_now_ns()));
	wq_shares_spend(&closing.shares, uid, 2 * WQ_BUDGET_NS);
}

START_TEST(few_watches_are_released_at_once)
{
	wq_closing_add(&closing, watching(AT_LEAST), USER);
	ck_assert_uint_eq(released, AT_LEAST);
	ck_assert(!closing.timer.set);
}
END_TEST

START_TEST(thousands_of_watches_are_released_in_turns_of_the_loop)
{
	wq_closing_add(&closing, watching(MANY), USER);
	ck_assert_uint_eq(released, AT_LEAST);
	run_until_released(MANY);
	ck_assert_uint_gt(turns, 2);
}
END_TEST

/* The queue of USER, who has no time left, is before that of ANOTHER. False: the machine was so
 * busy that USER has had time again meanwhile. */
static bool another_comes_first(void)
{
	uint64_t began = wq_now_ns();

	released = 0;
	closing.shares = (struct wq_shares){0}; /* so that USER's window begins now */
	use_up_time_of(USER);
	wq_closing_add(&closing, watching(1000), USER);
	wq_closing_add(&closing, watching(1000), ANOTHER);
	run_until(AT_LEAST + 1000);
	if (wq_now_ns() - began >= WQ_BUDGET_WINDOW_NS)
		return false;
	ck_assert_uint_eq(released, AT_LEAST + 1000); /* of USER's no more than at first */
	return true;
}

START_TEST(who_has_used_up_the_share_does_not_delay_others)
{
	while (!another_comes_first())
		run_until_released(2000);
	run_until_released(2000); /* USER has a new share then */
}
END_TEST

START_TEST(a_user_who_needs_watches_gets_some_at_once)
{
	ck_assert(!wq_closing_hurry(&closing, USER));
	use_up_time_of(USER);
	wq_closing_add(&closing, watching(1000), USER);
	ck_assert(wq_closing_hurry(&closing, USER));
	ck_assert_uint_ge(released, 2 * AT_LEAST);
	ck_assert(!wq_closing_hurry(&closing, ANOTHER));
}
END_TEST

START_TEST(memory_of_a_closed_queue_goes_back_later)
{
	wq_closing_add(&closing, watching(1), 1);
	ck_assert(closing.trim.timer.set);
}
END_TEST

START_TEST(nothing_is_posted_to_a_queue_that_is_closed)
{
	const struct watch_notification n = {.type = WATCH_TYPE_KEY_NOTIFY, .info = sizeof(n)};
	struct wq_queue *open = watching(1), *closed = watching(1000);
	struct wqfs_stats s = {0};

	wq_closing_add(&closing, wq_queue_get(closed), USER);
	for (unsigned int i = 0; i < 1000; i++)
		ck_assert_int_eq(wq_post(&doors, &n, NULL, i, UINT64_MAX), 0);
	wq_watch_list_remove(&doors, 1);
	ck_assert_uint_eq(released, 1001);
	wq_queue_stats(closed, &s);
	ck_assert_uint_eq(s.posted, 0);
	ck_assert_uint_eq(s.lost, 0);
	wq_queue_stats(open, &s);
	ck_assert_uint_eq(s.posted, 2);
	wq_queue_put(closed);
	wq_queue_put(open);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("closing");
	TCase *tcase = tcase_create("closing");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, few_watches_are_released_at_once);
	tcase_add_test(tcase, thousands_of_watches_are_released_in_turns_of_the_loop);
	tcase_add_test(tcase, who_has_used_up_the_share_does_not_delay_others);
	tcase_add_test(tcase, a_user_who_needs_watches_gets_some_at_once);
	tcase_add_test(tcase, memory_of_a_closed_queue_goes_back_later);
	tcase_add_test(tcase, nothing_is_posted_to_a_queue_that_is_closed);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
