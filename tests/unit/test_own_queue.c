/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue that wqctl reads in a loop: here a socket, each packet of which is a batch. */
#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unused.h"
#include "own_queue.h"
#include "record/record_json.h"
#include "run.h"

#define BATCHES	 16 /* as many as are read before signals are looked for */
#define GUARD_NS (20 * WQ_NSEC_PER_SEC)

static struct own_queue q;
static int writer;
static unsigned int records, pause_at;
static bool was_drained, was_synced;
static struct wq_timer guard, resume;

static void on_record(struct own_queue *queue, const struct wq_record *record WQ_UNUSED)
{
	if (++records != pause_at)
		return;
	own_queue_pause(queue, true);
	wq_timer_set(queue->loop, &resume, 0);
}

static void on_resume(struct wq_timer *timer WQ_UNUSED)
{
	own_queue_pause(&q, false);
}

static void on_drained(struct own_queue *queue)
{
	was_drained = true;
	wq_loop_stop(queue->loop);
}

static void on_synced(struct own_queue *queue WQ_UNUSED)
{
	was_synced = true;
}

static void on_failed(struct own_queue *queue WQ_UNUSED, int err)
{
	ck_abort_msg("the queue failed: %d", err);
}

static void on_guard(struct wq_timer *timer WQ_UNUSED)
{
	wq_loop_stop(q.loop);
}

static void set_up(void)
{
	int ends[2];

	records = pause_at = 0;
	was_drained = was_synced = false;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	writer = ends[1];
	q = (struct own_queue){.loop = wq_loop_new(),
		.record = on_record,
		.drained = on_drained,
		.synced = on_synced,
		.failed = on_failed};
	ck_assert_ptr_nonnull(q.loop);
	q.file.fd = ends[0];
	own_queue_init(&q);
	guard = (struct wq_timer){.fire = on_guard};
	resume = (struct wq_timer){.fire = on_resume};
	wq_timer_set(q.loop, &guard, wq_now_ns() + GUARD_NS);
}

static void tear_down(void)
{
	own_queue_close(&q);
	wq_timer_clear(q.loop, &guard);
	wq_loop_free(q.loop);
	close(writer);
}

static void write_batches(unsigned int nr)
{
	static const struct wq_record record;
	char line[1024];
	int len = wq_record_to_json(&record, line, sizeof(line));

	ck_assert_int_gt(len, 0);
	while (nr--)
		ck_assert_int_eq(write(writer, line, (size_t)len), len);
}

static void run(void)
{
	ck_assert_int_eq(own_queue_start(&q), 0);
	ck_assert_int_eq(wq_loop_run(q.loop), 0);
}

START_TEST(many_batches_are_followed_by_drained)
{
	write_batches(BATCHES);
	run();
	ck_assert_uint_eq(records, BATCHES);
	ck_assert(was_drained);
}
END_TEST

START_TEST(a_pause_at_the_last_record_is_followed_by_drained)
{
	pause_at = 3;
	write_batches(3);
	run();
	ck_assert_uint_eq(records, 3);
	ck_assert(was_drained);
}
END_TEST

START_TEST(a_sync_that_ends_in_a_pause_is_told_after_it)
{
	pause_at = 1;
	q.syncing = q.sync_ended = true;
	write_batches(1);
	run();
	ck_assert(was_synced);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("own_queue");
	TCase *tcase = tcase_create("own_queue");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, many_batches_are_followed_by_drained);
	tcase_add_test(tcase, a_pause_at_the_last_record_is_followed_by_drained);
	tcase_add_test(tcase, a_sync_that_ends_in_a_pause_is_told_after_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
