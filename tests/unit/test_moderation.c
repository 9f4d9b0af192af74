/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A descriptor that is looked at by a timer while much comes. */
#include <check.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/container.h"
#include "base/unused.h"
#include "run.h"
#include "sources/moderation.h"

#define MANY WQ_MODERATION_MANY

static struct wq_loop *loop;
static struct wq_moderation m;

/* A source whose events are counted by an eventfd. */
static struct {
	struct wq_loop_fd fd;
	unsigned int looked;
	uint64_t came, last_ns;
	unsigned int more; /* rounds in which many more come as soon as these are read */
	bool last;	   /* the loop ends when nothing is left */
} source;

static void come(uint64_t n)
{
	ck_assert_int_eq(write(source.fd.fd, &n, sizeof(n)), sizeof(n));
}

static void look(struct wq_loop_fd *fd, uint32_t events WQ_UNUSED)
{
	uint64_t n = 0;

	ck_assert_int_eq(read(fd->fd, &n, sizeof(n)), sizeof(n));
	source.looked++;
	source.came += n;
	source.last_ns = wq_now_ns();
	wq_moderation_count(&m, n, source.last_ns);
	if (source.more) {
		source.more--;
		come(MANY);
	} else {
		wq_loop_stop(loop);
	}
}

static void set_up(void)
{
	memset(&source, 0, sizeof(source));
	memset(&m, 0, sizeof(m));
	loop = wq_loop_new();
	ck_assert_ptr_nonnull(loop);
	source.fd = (struct wq_loop_fd){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = look, .can_wait = true};
	ck_assert_int_ge(source.fd.fd, 0);
	ck_assert_int_eq(wq_moderation_begin(&m, loop, &source.fd), 0);
}

static void tear_down(void)
{
	wq_moderation_leave(&m);
	close(source.fd.fd);
	wq_loop_free(loop);
}

START_TEST(few_events_wake_at_once)
{
	for (int i = 0; i < 3; i++) {
		come(1);
		ck_assert_int_eq(wq_loop_run(loop), 0);
		ck_assert(!m.timer.set);
	}
	ck_assert_uint_eq(source.came, 3);
	ck_assert_uint_eq(source.looked, 3);
}
END_TEST

START_TEST(after_many_events_the_next_are_looked_at_by_a_timer)
{
	uint64_t began;

	come(MANY);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	began = source.last_ns;
	ck_assert(m.timer.set);
	come(1);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_uint_ge(source.last_ns - began, WQ_MODERATION_NS);
	ck_assert_uint_eq(source.came, MANY + 1);
}
END_TEST

START_TEST(while_many_come_each_look_is_a_time_after_the_last)
{
	const unsigned int rounds = 20;
	uint64_t began = wq_now_ns();

	source.more = rounds;
	come(MANY);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_uint_eq(source.looked, 1 + rounds);
	ck_assert_uint_eq(source.came, MANY * (1 + rounds));
	ck_assert_uint_ge(source.last_ns - began, rounds * WQ_MODERATION_NS);
}
END_TEST

START_TEST(when_few_come_again_they_wake_at_once)
{
	come(MANY);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	come(1);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert(!m.timer.set);
	come(1);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_uint_eq(source.looked, 3);
}
END_TEST

/* Requests have what has come read, too: then the descriptor need not be looked at. */
START_TEST(what_was_read_meanwhile_is_counted)
{
	const uint64_t now = wq_now_ns();

	for (int i = 0; i < MANY; i++)
		wq_moderation_count(&m, 1, m.since_ns);
	ck_assert(!m.timer.set);
	wq_moderation_count(&m, 0, now);
	ck_assert(m.timer.set);
	ck_assert_uint_eq(m.timer.due_ns, now + WQ_MODERATION_NS);
}
END_TEST

START_TEST(it_can_be_left_at_any_time)
{
	wq_moderation_leave(&m);
	come(1);
	wq_moderation_count(&m, MANY, wq_now_ns());
	ck_assert(!m.timer.set);
	ck_assert_int_eq(wq_moderation_begin(&m, loop, &source.fd), 0);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	m.since_ns = 0; /* long ago */
	come(MANY);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert(m.timer.set);
	wq_moderation_leave(&m);
	ck_assert(!m.timer.set);
	ck_assert_int_eq(wq_moderation_begin(&m, loop, &source.fd), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("moderation");
	TCase *tc = tcase_create("moderation");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, few_events_wake_at_once);
	tcase_add_test(tc, after_many_events_the_next_are_looked_at_by_a_timer);
	tcase_add_test(tc, while_many_come_each_look_is_a_time_after_the_last);
	tcase_add_test(tc, when_few_come_again_they_wake_at_once);
	tcase_add_test(tc, what_was_read_meanwhile_is_counted);
	tcase_add_test(tc, it_can_be_left_at_any_time);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
