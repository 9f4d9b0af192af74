/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <keyutils.h>

#include "base/clock.h"
#include "keys/inflight.h"
#include "run.h"

#define TID 7

static const struct wq_key key = {.serial = 1};
static const struct wq_cred who = {.pid = TID};
static const struct wq_caller caller = {.pid = TID};
static struct wq_inflight inflight;

/* Thread TID reports an operation that began AGO_NS ago. */
static struct wq_operation report(uint64_t ago_ns)
{
	const struct wq_operation op = {
		.op = KEYCTL_LINK, .arg = {2, 3}, .tid = TID, .begin_ns = wq_now_ns() - ago_ns};

	wq_inflight_report(&inflight, &op, &caller, &who);
	return op;
}

static void tear_down(void)
{
	wq_inflight_forget_all(&inflight);
}

START_TEST(a_late_source_finds_the_report_of_its_operation)
{
	report(WQ_NSEC_PER_SEC);
	ck_assert(!wq_inflight_may_change(&inflight, &key, wq_now_ns(), true));
	ck_assert_ptr_nonnull(wq_inflight_find(&inflight, TID));
}
END_TEST

START_TEST(without_a_source_an_old_report_is_forgotten)
{
	report(WQ_NSEC_PER_SEC);
	ck_assert(!wq_inflight_may_change(&inflight, &key, wq_now_ns(), false));
	ck_assert_ptr_null(wq_inflight_find(&inflight, TID));
}
END_TEST

START_TEST(a_new_thread_has_reported_nothing_before)
{
	const struct wq_operation op = report(0);

	wq_inflight_forked(&inflight, TID, op.begin_ns - 1);
	ck_assert_ptr_nonnull(wq_inflight_find(&inflight, TID));
	wq_inflight_forked(&inflight, TID, op.begin_ns + 1);
	ck_assert_ptr_null(wq_inflight_find(&inflight, TID));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inflight");
	TCase *t = tcase_create("inflight");

	tcase_add_checked_fixture(t, NULL, tear_down);
	tcase_add_test(t, a_late_source_finds_the_report_of_its_operation);
	tcase_add_test(t, without_a_source_an_old_report_is_forgotten);
	tcase_add_test(t, a_new_thread_has_reported_nothing_before);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
