/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of the kernel are attached for watches. The programs are this test's. */
#include <errno.h>
#include <stdbool.h>

#include "base/unused.h"
#include "run.h"
#include "sources/attachment.h"
#include "sources/key_hooks.h"

#define REST_NS WQ_NSEC_PER_MSEC

static struct wq_loop *loop;
static struct wq_attachment attachment;
static int result; /* of the next attaching */
static unsigned int n_attached, n_asked;

int wq_hooks_attach(struct wq_hooks *h WQ_UNUSED)
{
	n_attached++;
	return result;
}

void wq_hooks_detach(struct wq_hooks *h WQ_UNUSED)
{
}

void wq_hooks_close(struct wq_hooks *h WQ_UNUSED)
{
}

bool wq_hooks_are_on(const struct wq_hooks *h WQ_UNUSED)
{
	return false;
}

static void ask_again(void *arg WQ_UNUSED)
{
	n_asked++;
	wq_loop_stop(loop);
}

/* Stops the loop as soon as they are detached. */
static void look(struct wq_timer *timer)
{
	if (attachment.state == WQ_DETACHED)
		wq_loop_stop(loop);
	else
		wq_timer_set(loop, timer, wq_now_ns() + WQ_NSEC_PER_MSEC);
}

/* They are detached, because nothing is watched. */
static void set_up(void)
{
	struct wq_timer timer = {.fire = look};

	loop = wq_loop_new();
	result = 0;
	n_attached = n_asked = 0;
	wq_attachment_begin(&attachment, NULL, REST_NS, loop, ask_again, NULL);
	wq_timer_set(loop, &timer, wq_now_ns());
	ck_assert_int_eq(wq_loop_run(loop), 0);
}

static void tear_down(void)
{
	wq_attachment_leave(&attachment);
	wq_attachment_close(&attachment);
	wq_loop_free(loop);
}

/* Somebody asks, and again when that may have another answer. */
static int want(void)
{
	const unsigned int before = n_asked;

	ck_assert_int_eq(wq_attachment_want(&attachment), -EALREADY);
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_uint_eq(n_asked, before + 1);
	return wq_attachment_want(&attachment);
}

START_TEST(they_are_attached_for_a_watch)
{
	ck_assert_int_eq(want(), 0);
	ck_assert(wq_attachment_stands(&attachment));
	ck_assert_uint_eq(n_attached, 1);
}
END_TEST

/* Which one watch lacks another may have. */
START_TEST(a_lack_of_memory_is_one_watchs_failure)
{
	result = -ENOMEM;
	ck_assert_int_eq(want(), -ENOMEM);
	ck_assert_int_eq(want(), -ENOMEM);
	result = 0;
	ck_assert_int_eq(want(), 0);
	ck_assert_uint_eq(n_attached, 3);
}
END_TEST

START_TEST(another_error_stays)
{
	result = -EINVAL;
	ck_assert_int_eq(want(), -EINVAL);
	result = 0;
	ck_assert_int_eq(wq_attachment_want(&attachment), -EINVAL);
	ck_assert_uint_eq(n_attached, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attachment");
	TCase *c = tcase_create("attachment");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, they_are_attached_for_a_watch);
	tcase_add_test(c, a_lack_of_memory_is_one_watchs_failure);
	tcase_add_test(c, another_error_stays);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
