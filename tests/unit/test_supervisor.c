/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "sources/supervisor.h"

#define SECOND 1000000000ull

/* Two sources; the test says whether each of them works. */
static bool can_start[2], lives[2];
static unsigned int starts[2], stops[2], told_stopped;
static struct wq_source sources[2];
static struct wq_event_order events;
static struct wq_supervisor supervisor;

static const struct wq_source_type good, fair;

static pthread_t looper;		/* the thread of the loop */
static unsigned int loops_starts_stops; /* how many of them were in that */

static struct wq_source *start(int i, char *why, size_t why_size)
{
	starts[i]++;
	loops_starts_stops += looper && pthread_equal(pthread_self(), looper);
	if (!can_start[i]) {
		snprintf(why, why_size, "no %s", i == 0 ? "good" : "fair");
		return NULL;
	}
	lives[i] = true;
	sources[i].type = i == 0 ? &good : &fair;
	return &sources[i];
}

static struct wq_source *start_good(const struct wq_source_env *env, char *why, size_t why_size)
{
	(void)env;
	return start(0, why, why_size);
}

static struct wq_source *start_fair(const struct wq_source_env *env, char *why, size_t why_size)
{
	(void)env;
	return start(1, why, why_size);
}

static bool may_start(char *why, size_t why_size)
{
	(void)why;
	(void)why_size;
	return true;
}

static int begin_result, watch_result, begun_result;
static unsigned int begun_count, watched, unwatched;
static unsigned int pieces; /* in which it is told what is watched, before begun_result */

static int begin(struct wq_source *source)
{
	ck_assert_ptr_eq(source, &sources[0]);
	return begin_result;
}

static int watch(struct wq_source *source, int32_t serial)
{
	ck_assert_ptr_eq(source, &sources[0]);
	ck_assert_int_eq(serial, 7);
	watched++;
	return watch_result;
}

static void unwatch(struct wq_source *source, int32_t serial)
{
	ck_assert_ptr_eq(source, &sources[0]);
	ck_assert_int_eq(serial, 7);
	unwatched++;
}

static int begun(void *arg, struct wq_source *source)
{
	ck_assert_ptr_eq(arg, &told_stopped);
	ck_assert_ptr_eq(source, &sources[0]);
	if (begun_count++) {
		ck_assert_ptr_null(supervisor.source);
		ck_assert_int_eq(wq_supervisor_check(&supervisor, 0, NULL), WQ_SUPERVISOR_SAME);
		wq_supervisor_unwatch(&supervisor, 7);
	}
	return begun_count < pieces ? -EAGAIN : begun_result;
}

static bool alive(struct wq_source *source)
{
	return lives[source - sources];
}

static void stop(struct wq_source *source)
{
	stops[source - sources]++;
	loops_starts_stops += looper && pthread_equal(pthread_self(), looper);
}

static const struct wq_source_type good = {
	.name = "good",
	.capabilities = WQ_SOURCE_CHANGES | WQ_SOURCE_ENDS,
	.may_start = may_start,
	.start = start_good,
	.begin = begin,
	.watch = watch,
	.unwatch = unwatch,
	.alive = alive,
	.stop = stop,
};
static const struct wq_source_type fair = {
	.name = "fair",
	.capabilities = WQ_SOURCE_OPERATIONS,
	.start = start_fair,
	.alive = alive,
	.stop = stop,
};
static const struct wq_source_type *const types[] = {&good, &fair, NULL};

static void stopped(void *arg)
{
	ck_assert_ptr_eq(arg, &told_stopped);
	ck_assert_ptr_null(supervisor.source);
	told_stopped++;
}

static void set_up(void)
{
	const struct wq_source_env env = {
		.events = &events, .sink = {.arg = &told_stopped, .begun = begun}};

	can_start[0] = can_start[1] = true;
	memset(starts, 0, sizeof(starts));
	memset(stops, 0, sizeof(stops));
	told_stopped = begun_count = watched = unwatched = pieces = 0;
	begin_result = watch_result = begun_result = 0;
	wq_supervisor_init(&supervisor, types, &env);
}

static void tear_down(void)
{
	wq_supervisor_stop(&supervisor);
}

START_TEST(the_best_that_can_be_had_is_started)
{
	ck_assert(wq_supervisor_start(&supervisor));
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "good");
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor), "");
	ck_assert_uint_eq(starts[1], 0);
	wq_supervisor_stop(&supervisor);
	ck_assert_uint_eq(stops[0], 1);
	can_start[0] = false;
	ck_assert(wq_supervisor_start(&supervisor));
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor), "good: no good");
}
END_TEST

START_TEST(each_that_cannot_be_had_has_its_own_reason)
{
	can_start[0] = can_start[1] = false;
	ck_assert(!wq_supervisor_start(&supervisor));
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "poll");
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor), "good: no good; fair: no fair");
}
END_TEST

START_TEST(a_reason_that_several_share_is_said_once)
{
	can_start[0] = can_start[1] = false;
	ck_assert(!wq_supervisor_start(&supervisor));
	strcpy(supervisor.why_not[1], supervisor.why_not[0]);
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor), "good, fair: no good");
}
END_TEST

START_TEST(what_is_asked_for_are_capabilities)
{
	ck_assert(!wq_supervisor_has_events(&supervisor));
	wq_supervisor_start(&supervisor);
	ck_assert(wq_supervisor_has_events(&supervisor));
	ck_assert(wq_supervisor_has(&supervisor, WQ_SOURCE_ENDS));
	ck_assert(!wq_supervisor_has(&supervisor, WQ_SOURCE_COMPAT));
}
END_TEST

START_TEST(one_that_has_no_room_for_what_is_watched_is_not_used)
{
	begun_result = -ENOSPC;
	ck_assert(wq_supervisor_start(&supervisor));
	ck_assert_uint_eq(begun_count, 1);
	ck_assert_uint_eq(stops[0], 1);
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor),
		"good: it cannot watch the keys that are watched: No space left on device");
}
END_TEST

START_TEST(a_source_that_cannot_begin_says_so)
{
	begin_result = -EPERM;
	ck_assert(wq_supervisor_start(&supervisor));
	ck_assert_uint_eq(begun_count, 0);
	ck_assert_uint_eq(stops[0], 1);
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor),
		"good: it cannot be put into use: Operation not permitted");
}
END_TEST

START_TEST(one_that_is_to_be_used_at_once_is_told_all_pieces)
{
	pieces = 3;
	ck_assert(wq_supervisor_start(&supervisor));
	ck_assert_uint_eq(begun_count, 3);
	ck_assert_ptr_eq(supervisor.source, &sources[0]);
}
END_TEST

/* ---- started in a thread ---- */

static struct wq_loop *loop;
static bool is_decided;

static void decided(void *arg)
{
	ck_assert_ptr_eq(arg, &told_stopped);
	is_decided = true;
}

static void begin_in_a_thread(void)
{
	const struct wq_source_env env = {.events = &events,
		.loop = loop = wq_loop_new(),
		.sink = {.arg = &told_stopped, .begun = begun, .decided = decided}};

	ck_assert_ptr_nonnull(loop);
	is_decided = false;
	looper = pthread_self();
	wq_supervisor_init(&supervisor, types, &env);
	ck_assert(wq_supervisor_begin(&supervisor));
}

static bool stop_at_once;

static void look(void *arg)
{
	(void)arg;
	if (is_decided || (stop_at_once && begun_count))
		wq_loop_stop(loop);
	else
		ck_assert_str_eq(wq_supervisor_starting(&supervisor),
			supervisor.first ? "fair" : "good");
}

static void run_until_decided(void)
{
	wq_loop_before_wait(loop, look, NULL);
	ck_assert_int_eq(wq_loop_run(loop), 0);
}

static void end_of_loop(void)
{
	wq_supervisor_stop(&supervisor);
	wq_loop_free(loop);
}

START_TEST(one_is_not_in_use_before_it_is_told_the_last_piece)
{
	pieces = 3;
	begin_in_a_thread();
	run_until_decided();
	ck_assert(is_decided);
	ck_assert_uint_eq(begun_count, pieces);
	ck_assert_uint_eq(unwatched, pieces - 1);
	ck_assert_ptr_eq(supervisor.source, &sources[0]);
	ck_assert_ptr_null(wq_supervisor_starting(&supervisor));
	end_of_loop();
}
END_TEST

START_TEST(the_next_is_used_if_the_last_piece_fails)
{
	pieces = 2;
	begun_result = -ENOSPC;
	begin_in_a_thread();
	run_until_decided();
	ck_assert_uint_eq(begun_count, pieces);
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
	ck_assert_uint_eq(stops[0], 1);
	ck_assert_uint_eq(loops_starts_stops, 0); /* they take long */
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor),
		"good: it cannot watch the keys that are watched: No space left on device");
	end_of_loop();
}
END_TEST

START_TEST(the_loop_starts_none_if_the_first_cannot_begin)
{
	begin_result = -ESTALE;
	begin_in_a_thread();
	run_until_decided();
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
	ck_assert_uint_eq(stops[0], 1);
	ck_assert_uint_eq(loops_starts_stops, 0);
	end_of_loop();
}
END_TEST

START_TEST(the_loop_stops_none_if_there_is_no_other)
{
	begun_result = -ENOSPC;
	can_start[1] = false;
	begin_in_a_thread();
	run_until_decided();
	ck_assert_ptr_null(supervisor.source);
	ck_assert_uint_eq(stops[0], 1);
	ck_assert_uint_eq(loops_starts_stops, 0);
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor),
		"good: it cannot watch the keys that are watched: No space left on device; "
		"fair: no fair");
	end_of_loop();
}
END_TEST

START_TEST(one_that_is_still_being_told_can_be_stopped)
{
	pieces = 1000000;
	stop_at_once = true;
	begin_in_a_thread();
	run_until_decided();
	ck_assert(!is_decided);
	wq_supervisor_stop(&supervisor);
	ck_assert_uint_eq(stops[0], 1);
	ck_assert_ptr_null(wq_supervisor_starting(&supervisor));
	end_of_loop();
}
END_TEST

START_TEST(nothing_is_tried_again_if_nothing_has_ever_worked)
{
	can_start[0] = can_start[1] = false;
	ck_assert(!wq_supervisor_start(&supervisor));
	ck_assert_int_eq(
		wq_supervisor_check(&supervisor, UINT64_MAX, stopped), WQ_SUPERVISOR_SAME);
	ck_assert_uint_eq(starts[0], 1);
}
END_TEST

START_TEST(what_is_watched_is_said_to_the_one_in_use)
{
	ck_assert_int_eq(wq_supervisor_watch(&supervisor, 7), 0);
	wq_supervisor_unwatch(&supervisor, 7);
	wq_supervisor_start(&supervisor);
	ck_assert_int_eq(wq_supervisor_watch(&supervisor, 7), 0);
	wq_supervisor_unwatch(&supervisor, 7);
	ck_assert_uint_eq(watched, 1);
	ck_assert_uint_eq(unwatched, 1);
	watch_result = -ENOSPC;
	ck_assert_int_eq(wq_supervisor_watch(&supervisor, 7), -ENOSPC);
	ck_assert_int_eq(wq_supervisor_check(&supervisor, SECOND, stopped), WQ_SUPERVISOR_SAME);
}
END_TEST

START_TEST(one_that_cannot_be_told_what_is_watched_is_dead)
{
	wq_supervisor_start(&supervisor);
	watch_result = -EBADF;
	ck_assert_int_eq(wq_supervisor_watch(&supervisor, 7), 0);
	wq_supervisor_unwatch(&supervisor, 7);
	ck_assert_uint_eq(unwatched, 0);
	can_start[0] = false;
	ck_assert_int_eq(
		wq_supervisor_check(&supervisor, SECOND, stopped), WQ_SUPERVISOR_REPLACED);
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
}
END_TEST

START_TEST(one_that_lives_stays)
{
	wq_supervisor_start(&supervisor);
	ck_assert_int_eq(wq_supervisor_check(&supervisor, SECOND, stopped), WQ_SUPERVISOR_SAME);
	ck_assert_uint_eq(stops[0], 0);
}
END_TEST

START_TEST(a_dead_one_is_replaced_by_the_next)
{
	wq_supervisor_start(&supervisor);
	lives[0] = can_start[0] = false;
	ck_assert_int_eq(
		wq_supervisor_check(&supervisor, SECOND, stopped), WQ_SUPERVISOR_REPLACED);
	ck_assert_uint_eq(told_stopped, 1);
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
}
END_TEST

START_TEST(one_that_says_it_died_is_replaced)
{
	wq_supervisor_start(&supervisor);
	wq_supervisor_died(&supervisor, "a read failed");
	ck_assert_int_eq(
		wq_supervisor_check(&supervisor, SECOND, stopped), WQ_SUPERVISOR_REPLACED);
	ck_assert_uint_eq(starts[0], 2); /* a new one of the same kind */
}
END_TEST

START_TEST(the_reason_of_one_that_died_is_its_own)
{
	can_start[0] = false;
	wq_supervisor_start(&supervisor);
	wq_supervisor_died(&supervisor, "a read failed");
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor), "good: no good");
	ck_assert_str_eq(supervisor.why_not[1], "a read failed");
}
END_TEST

START_TEST(where_there_is_none_it_is_tried_again_ever_more_seldom)
{
	uint64_t now = 10 * SECOND;

	wq_supervisor_start(&supervisor);
	lives[0] = can_start[0] = can_start[1] = false;
	ck_assert_int_eq(wq_supervisor_check(&supervisor, now, stopped), WQ_SUPERVISOR_NONE);
	for (uint64_t wait = 1; wait <= 32; wait *= 2) {
		unsigned int before = starts[0];

		wq_supervisor_check(&supervisor, now + wait * SECOND - 1, stopped);
		ck_assert_uint_eq(starts[0], before);
		now += wait * SECOND;
		wq_supervisor_check(&supervisor, now, stopped);
		ck_assert_uint_eq(starts[0], before + 1);
	}
	can_start[1] = true;
	ck_assert_int_eq(wq_supervisor_check(&supervisor, now + 60 * SECOND, stopped),
		WQ_SUPERVISOR_BACK);
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "fair");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("supervisor");
	TCase *t = tcase_create("supervisor");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_best_that_can_be_had_is_started);
	tcase_add_test(t, each_that_cannot_be_had_has_its_own_reason);
	tcase_add_test(t, a_reason_that_several_share_is_said_once);
	tcase_add_test(t, what_is_asked_for_are_capabilities);
	tcase_add_test(t, one_that_has_no_room_for_what_is_watched_is_not_used);
	tcase_add_test(t, a_source_that_cannot_begin_says_so);
	tcase_add_test(t, one_that_is_to_be_used_at_once_is_told_all_pieces);
	tcase_add_test(t, one_is_not_in_use_before_it_is_told_the_last_piece);
	tcase_add_test(t, the_next_is_used_if_the_last_piece_fails);
	tcase_add_test(t, the_loop_starts_none_if_the_first_cannot_begin);
	tcase_add_test(t, the_loop_stops_none_if_there_is_no_other);
	tcase_add_test(t, one_that_is_still_being_told_can_be_stopped);
	tcase_add_test(t, nothing_is_tried_again_if_nothing_has_ever_worked);
	tcase_add_test(t, what_is_watched_is_said_to_the_one_in_use);
	tcase_add_test(t, one_that_cannot_be_told_what_is_watched_is_dead);
	tcase_add_test(t, one_that_lives_stays);
	tcase_add_test(t, a_dead_one_is_replaced_by_the_next);
	tcase_add_test(t, one_that_says_it_died_is_replaced);
	tcase_add_test(t, the_reason_of_one_that_died_is_its_own);
	tcase_add_test(t, where_there_is_none_it_is_tried_again_ever_more_seldom);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
