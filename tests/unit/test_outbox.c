/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A post to thousands of queues takes several turns, which no queue can notice. */
#include <stdlib.h>
#include <string.h>

#include "keys/outbox.h"
#include "run.h"

#define MANY 50000 /* enough for some slices */

static struct wq_loop *loop;
static struct wq_outbox outbox;
static struct wq_watch_list doors;
static struct wq_queue *queues[MANY];
static unsigned int turns;

static void on_timer(struct wq_timer *timer)
{
	turns++;
	if (wq_outbox_step(&outbox, wq_now_ns() + 1000000))
		wq_loop_stop(loop);
	else
		wq_timer_set(loop, timer, 0);
}

static void release(struct wq_watch *w)
{
	free(w);
}

static void add(struct wq_queue *q)
{
	struct wq_watch *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	wq_watch_init(w, q);
	w->id = 7;
	ck_assert_int_eq(wq_watch_add(w, &doors), 0);
}

static void set_up(void)
{
	loop = wq_loop_new();
	memset(&outbox, 0, sizeof(outbox));
	outbox.loop = loop;
	outbox.timer.fire = on_timer;
	turns = 0;
	wq_watch_list_init(&doors, release);
	for (int i = 0; i < MANY; i++) {
		queues[i] = wq_queue_new(NULL, NULL, NULL);
		ck_assert_int_eq(wq_queue_set_size(queues[i], 8), 0);
		add(queues[i]);
	}
}

static void tear_down(void)
{
	wq_outbox_fini(&outbox);
	for (int i = 0; i < MANY; i++)
		wq_queue_put(queues[i]);
	ck_assert(wq_watch_list_empty(&doors));
	wq_loop_free(loop);
}

static void post(uint8_t subtype)
{
	const struct watch_notification n = {
		.type = WATCH_TYPE_KEY_NOTIFY, .subtype = subtype, .info = sizeof(n)};
	const struct wq_cred who = {.pid = subtype};

	wq_outbox_post(&outbox, &doors, &n, &who, 7, UINT64_MAX);
}

/* The subtypes of the queued records as decimal digits, the first one last; each has its own
 * "who". */
static unsigned int take(struct wq_queue *q)
{
	struct wq_record r;
	unsigned int got = 0, place = 1;
	char record[WQFS_RECORD_MAX];
	struct wq_take t;

	while (wq_queue_peek_first(q, WQFS_FORMAT_RAW, record, sizeof(record), &t, &r) > 0) {
		struct watch_notification n;

		memcpy(&n, record, sizeof(n));
		if (n.type == WATCH_TYPE_KEY_NOTIFY)
			ck_assert_int_eq(r.who.pid, n.subtype);
		got += n.subtype * place;
		place *= 10;
		wq_queue_consume(q, &t);
	}
	return got;
}

static void finish(void)
{
	if (!wq_outbox_empty(&outbox))
		ck_assert_int_eq(wq_loop_run(loop), 0);
}

START_TEST(each_queue_gets_all_posts_in_their_order)
{
	post(1);
	ck_assert(!wq_outbox_empty(&outbox));
	post(2);
	post(3);
	ck_assert(!wq_outbox_has_sent(&outbox, outbox.number));
	finish();
	ck_assert_uint_gt(turns, 1);
	ck_assert(wq_outbox_has_sent(&outbox, outbox.number));
	for (int i = 0; i < MANY; i++)
		ck_assert_uint_eq(take(queues[i]), 321);
}
END_TEST

START_TEST(watch_that_comes_meanwhile_gets_nothing_of_what_was_before)
{
	struct wq_queue *late = wq_queue_new(NULL, NULL, NULL);

	ck_assert_int_eq(wq_queue_set_size(late, 8), 0);
	post(1);
	add(late);
	wq_outbox_send_first(&outbox, late);
	post(2);
	finish();
	ck_assert_uint_eq(take(late), 2);
	wq_queue_put(late);
}
END_TEST

/* The first watch that was added has its turn last. */
START_TEST(watch_that_is_removed_meanwhile_gets_first_what_was_before)
{
	post(1);
	post(2);
	for (int i = 0; i < MANY; i += MANY - 1) {
		wq_outbox_send_first(&outbox, queues[i]);
		wq_outbox_send_first(&outbox, queues[i]);
		ck_assert_int_eq(wq_watch_remove(&doors, queues[i], 7, false), 0);
	}
	post(3);
	finish();
	/* a REMOVAL is subtype 0 */
	ck_assert_uint_eq(take(queues[0]), 21);
	ck_assert_uint_eq(take(queues[MANY - 1]), 21);
	ck_assert_uint_eq(take(queues[1]), 321);
}
END_TEST

START_TEST(queue_that_goes_meanwhile_harms_nobody)
{
	post(1);
	for (int i = 0; i < MANY; i += 2) {
		wq_queue_put(queues[i]);
		queues[i] = NULL;
	}
	finish();
	for (int i = 1; i < MANY; i += 2)
		ck_assert_uint_eq(take(queues[i]), 1);
}
END_TEST

START_TEST(removal_of_a_list_is_told_in_slices)
{
	unsigned int calls = 1;

	post(1);
	finish();
	while (!wq_watch_list_remove_until(&doors, 0, wq_now_ns() + 1000000))
		calls++;
	ck_assert_uint_gt(calls, 1);
	for (int i = 0; i < MANY; i++) {
		struct wqfs_stats s;

		wq_queue_stats(queues[i], &s);
		ck_assert_uint_eq(s.queued, 2);
		ck_assert_uint_eq(s.watches, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outbox");
	TCase *tc = tcase_create("outbox");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, each_queue_gets_all_posts_in_their_order);
	tcase_add_test(tc, watch_that_comes_meanwhile_gets_nothing_of_what_was_before);
	tcase_add_test(tc, watch_that_is_removed_meanwhile_gets_first_what_was_before);
	tcase_add_test(tc, queue_that_goes_meanwhile_harms_nobody);
	tcase_add_test(tc, removal_of_a_list_is_told_in_slices);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
