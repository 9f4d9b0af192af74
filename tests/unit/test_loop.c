/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors that become ready and timers that become due, in one thread. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/container.h"
#include "base/loop.h"
#include "base/unused.h"
#include "run.h"

#define MS 1000000u

static struct wq_loop *loop;
static char order[64]; /* what happened, one letter each */

static void happened(char what)
{
	size_t n = strlen(order);

	ck_assert_uint_lt(n, sizeof(order) - 1);
	order[n] = what;
}

static void set_up(void)
{
	memset(order, 0, sizeof(order));
	loop = wq_loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void tear_down(void)
{
	wq_loop_free(loop);
}

/* A timer that notes its letter, and then perhaps sets itself again or ends the loop. */
struct alarm {
	struct wq_timer timer;
	char letter;
	unsigned int again;
	bool last;
	struct wq_timer *clears;
};

static void fire(struct wq_timer *timer)
{
	struct alarm *a = wq_container_of(timer, struct alarm, timer);

	ck_assert_uint_le(timer->due_ns, wq_now_ns());
	ck_assert(!timer->set);
	happened(a->letter);
	if (a->clears)
		wq_timer_clear(loop, a->clears);
	if (a->again) {
		a->again--;
		wq_timer_set(loop, timer, 0);
	} else if (a->last) {
		wq_loop_stop(loop);
	}
}

#define ALARM(l, ...)                                             \
	{                                                         \
		.timer = {.fire = fire}, .letter = l, __VA_ARGS__ \
	}

START_TEST(timers_fire_in_the_order_they_are_due)
{
	struct alarm a = ALARM('a'), b = ALARM('b'), c = ALARM('c', .last = true);
	uint64_t now = wq_now_ns();

	wq_timer_set(loop, &c.timer, now + 3 * MS);
	wq_timer_set(loop, &a.timer, now + 1 * MS);
	wq_timer_set(loop, &b.timer, now + 2 * MS);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "abc");
	ck_assert_uint_ge(wq_now_ns(), now + 3 * MS);
}
END_TEST

START_TEST(timer_that_is_set_again_moves)
{
	struct alarm a = ALARM('a', .last = true), b = ALARM('b');
	uint64_t now = wq_now_ns();

	wq_timer_set(loop, &a.timer, now + 1 * MS);
	wq_timer_set(loop, &b.timer, now + 2 * MS);
	wq_timer_set(loop, &a.timer, now + 3 * MS);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "ba");
}
END_TEST

START_TEST(cleared_timer_does_not_fire)
{
	struct alarm a = ALARM('a'), b = ALARM('b', .last = true);
	uint64_t now = wq_now_ns();

	wq_timer_set(loop, &a.timer, now + 1 * MS);
	wq_timer_set(loop, &b.timer, now + 2 * MS);
	wq_timer_clear(loop, &a.timer);
	wq_timer_clear(loop, &a.timer);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "b");
}
END_TEST

START_TEST(timer_may_clear_another_that_is_due)
{
	struct alarm b = ALARM('b'), a = ALARM('a', .clears = &b.timer);
	struct alarm c = ALARM('c', .last = true);
	uint64_t now = wq_now_ns();

	wq_timer_set(loop, &a.timer, now);
	wq_timer_set(loop, &b.timer, now);
	wq_timer_set(loop, &c.timer, now + 1 * MS);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "ac");
}
END_TEST

static void before_wait(void *arg)
{
	happened(*(const char *)arg);
}

START_TEST(what_comes_before_the_loop_waits_comes_each_time)
{
	char letter = '-';
	struct alarm a = {.timer.fire = fire, .letter = 'a', .again = 1, .last = true};

	wq_loop_before_wait(loop, before_wait, &letter);
	wq_timer_set(loop, &a.timer, 0);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(strstr(order, "-a-"), "-a-a");
}
END_TEST

/* A descriptor that is always ready. It notes its letter and takes its time. */
struct busy {
	struct wq_loop_fd fd;
	char letter;
	uint64_t takes_ns;
};

static void spend(uint64_t ns)
{
	uint64_t end = wq_now_ns() + ns;

	while (wq_now_ns() < end)
		;
}

static void on_busy(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct busy *b = wq_container_of(watched, struct busy, fd);

	happened(b->letter);
	spend(b->takes_ns);
}

static struct wq_timer busy_timer;
static int turns;

static void fire_busy(struct wq_timer *timer)
{
	happened('t');
	spend(2 * MS);
	if (++turns == 3)
		wq_loop_stop(loop);
	wq_timer_set(loop, timer, 0);
}

static int always_ready(void)
{
	return eventfd(1, EFD_CLOEXEC);
}

START_TEST(requests_come_before_each_piece_of_work_and_work_takes_turns)
{
	struct busy request = {{always_ready(), on_busy, false}, 'r', 0};
	struct busy work = {{always_ready(), on_busy, true}, 'w', 2 * MS};

	turns = 0;
	busy_timer.fire = fire_busy;
	ck_assert_int_eq(wq_loop_add(loop, &request.fd, EPOLLIN), 0);
	ck_assert_int_eq(wq_loop_add(loop, &work.fd, EPOLLIN), 0);
	wq_timer_set(loop, &busy_timer, 0);
	spend(1000); /* it is due before now */
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "rwrtrwrtrwrt");
	wq_timer_clear(loop, &busy_timer);
	close(request.fd.fd);
	close(work.fd.fd);
}
END_TEST

START_TEST(loop_can_be_run_again)
{
	struct alarm a = ALARM('a', .last = true);

	for (int i = 0; i < 3; i++) {
		wq_timer_set(loop, &a.timer, 0);
		ck_assert_int_eq(wq_loop_run(loop), 0);
	}
	ck_assert_str_eq(order, "aaa");
	wq_loop_stop(loop);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "aaa");
}
END_TEST

/* ---- descriptors ---- */

struct event {
	struct wq_loop_fd fd;
	char letter;
	unsigned int times; /* before it is read empty */
	struct wq_loop_fd *deletes;
};

static void ready(struct wq_loop_fd *fd, uint32_t events)
{
	struct event *e = wq_container_of(fd, struct event, fd);
	uint64_t n;

	ck_assert(events & EPOLLIN);
	happened(e->letter);
	if (e->deletes)
		wq_loop_del(loop, e->deletes);
	if (e->times && --e->times)
		return;
	ck_assert_int_eq(read(fd->fd, &n, sizeof(n)), sizeof(n));
}

static struct event event(char letter, unsigned int times)
{
	struct event e = {
		.fd = {.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), .ready = ready},
		.letter = letter,
		.times = times,
	};

	ck_assert_int_ge(e.fd.fd, 0);
	return e;
}

START_TEST(descriptor_comes_as_long_as_it_is_ready)
{
	struct event e = event('e', 3);
	struct alarm last = ALARM('l', .last = true);

	ck_assert_int_eq(wq_loop_add(loop, &e.fd, EPOLLIN), 0);
	wq_timer_set(loop, &last.timer, wq_now_ns() + 20 * MS);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_str_eq(order, "eeel");
	close(e.fd.fd);
}
END_TEST

/* A timer that sets itself for now must not starve the descriptors. */
START_TEST(descriptors_come_between_a_timer_that_sets_itself_for_now)
{
	struct event e = event('e', UINT_MAX);
	struct alarm t = ALARM('t', .again = 3, .last = true);

	ck_assert_int_eq(wq_loop_add(loop, &e.fd, EPOLLIN), 0);
	wq_timer_set(loop, &t.timer, 0);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_ptr_null(strstr(order, "tt"));
	ck_assert_int_eq(order[0], 'e');
	close(e.fd.fd);
}
END_TEST

START_TEST(deleted_descriptor_does_not_come_in_the_same_round)
{
	struct event a = event('a', 1), b = event('b', 1);
	struct alarm last = ALARM('l', .last = true);

	a.deletes = &b.fd;
	b.deletes = &a.fd;
	ck_assert_int_eq(wq_loop_add(loop, &a.fd, EPOLLIN), 0);
	ck_assert_int_eq(wq_loop_add(loop, &b.fd, EPOLLIN), 0);
	wq_timer_set(loop, &last.timer, wq_now_ns() + 5 * MS);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert(!strcmp(order, "al") || !strcmp(order, "bl"));
	close(a.fd.fd);
	close(b.fd.fd);
}
END_TEST

START_TEST(descriptor_that_cannot_be_watched_gives_its_error)
{
	struct wq_loop_fd closed = {.fd = -1, .ready = ready};

	ck_assert_int_eq(wq_loop_add(loop, &closed, EPOLLIN), -EBADF);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *timers = tcase_create("timers"), *fds = tcase_create("descriptors");

	tcase_add_checked_fixture(timers, set_up, tear_down);
	tcase_add_test(timers, timers_fire_in_the_order_they_are_due);
	tcase_add_test(timers, timer_that_is_set_again_moves);
	tcase_add_test(timers, cleared_timer_does_not_fire);
	tcase_add_test(timers, timer_may_clear_another_that_is_due);
	tcase_add_test(timers, requests_come_before_each_piece_of_work_and_work_takes_turns);
	tcase_add_test(timers, loop_can_be_run_again);
	tcase_add_test(timers, what_comes_before_the_loop_waits_comes_each_time);
	suite_add_tcase(suite, timers);
	tcase_add_checked_fixture(fds, set_up, tear_down);
	tcase_add_test(fds, descriptor_comes_as_long_as_it_is_ready);
	tcase_add_test(fds, descriptors_come_between_a_timer_that_sets_itself_for_now);
	tcase_add_test(fds, deleted_descriptor_does_not_come_in_the_same_round);
	tcase_add_test(fds, descriptor_that_cannot_be_watched_gives_its_error);
	suite_add_tcase(suite, fds);
	return run_suite(suite);
}
