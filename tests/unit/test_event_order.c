/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <string.h>

#include "base/array_size.h"
#include "run.h"
#include "sources/event_order.h"
#include "wqfs.h"

static struct wq_event_order order;
static const int32_t args[WQ_OP_ARGS] = {7, 8, 0, 0};

static void set_up(void)
{
	order = (struct wq_event_order){0};
}

static void tear_down(void)
{
	wq_event_order_fini(&order);
}

static struct wq_event take(void)
{
	struct wq_event e;

	ck_assert(wq_event_order_take(&order, &e));
	return e;
}

static void nothing_left(void)
{
	struct wq_event e;

	ck_assert(!wq_event_order_take(&order, &e));
}

START_TEST(events_come_in_the_order_of_time)
{
	wq_event_order_begin(&order, 30, 2, 0, KEYCTL_LINK, args);
	wq_event_order_fork(&order, 20, 1, 2);
	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 100);
	ck_assert_uint_eq(take().operation.begin_ns, 10);
	ck_assert_int_eq(take().fork.child, 2);
	ck_assert_uint_eq(take().operation.begin_ns, 30);
	nothing_left();
}
END_TEST

START_TEST(an_end_has_its_beginnings_arguments)
{
	struct wq_event e;

	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_LINK, args);
	wq_event_order_end(&order, 20, 1, 0, 5);
	wq_event_order_complete(&order, 100);
	ck_assert_int_eq(take().kind, WQ_EVENT_BEGIN);
	e = take();
	ck_assert_int_eq(e.kind, WQ_EVENT_END);
	ck_assert_uint_eq(e.operation.op, KEYCTL_LINK);
	ck_assert_int_eq(e.operation.arg[1], 8);
	ck_assert_uint_eq(e.operation.begin_ns, 10);
	ck_assert_uint_eq(e.operation.end_ns, 20);
	ck_assert_int_eq(e.operation.result, 5);
}
END_TEST

START_TEST(an_end_without_a_beginning_is_none)
{
	wq_event_order_end(&order, 20, 1, 0, 5);
	/* nor is an end whose beginning belonged to another, meaningless operation */
	wq_event_order_begin(&order, 30, 2, 0, KEYCTL_LINK, args);
	wq_event_order_begin(&order, 40, 2, 0, KEYCTL_READ, args);
	wq_event_order_end(&order, 50, 2, 0, 5);
	wq_event_order_complete(&order, 100);
	ck_assert_uint_eq(take().operation.begin_ns, 30);
	nothing_left();
}
END_TEST

START_TEST(of_one_time_the_beginning_comes_first)
{
	wq_event_order_end(&order, 10, 1, 0, 0);
	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 100);
	ck_assert_int_eq(take().kind, WQ_EVENT_BEGIN);
	ck_assert_int_eq(take().kind, WQ_EVENT_END);
}
END_TEST

START_TEST(what_is_not_complete_waits)
{
	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_begin(&order, 30, 2, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 20);
	take();
	nothing_left();
	ck_assert(!wq_event_order_behind(&order));
	ck_assert_uint_eq(order.waiting, 1);
	/* it comes in its place among events that are added later */
	wq_event_order_begin(&order, 25, 3, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 40);
	ck_assert_int_eq(take().operation.tid, 3);
	ck_assert(wq_event_order_behind(&order));
	ck_assert_int_eq(take().operation.tid, 2);
	ck_assert(!wq_event_order_behind(&order));
}
END_TEST

START_TEST(a_return_ends_only_the_call_that_was_entered)
{
	const int32_t ids[WQ_IDS_ARGS] = {5};

	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_end(&order, 20, 1, 1, 0);
	wq_event_order_begin(&order, 30, 2, 0, KEYCTL_REVOKE, args);
	wq_event_order_ids_begin(&order, 40, 2, WQ_IDS_SETUID, ids);
	wq_event_order_end(&order, 50, 2, 0, 0);
	wq_event_order_complete(&order, 100);
	ck_assert_int_eq(take().kind, WQ_EVENT_BEGIN);
	ck_assert_int_eq(take().kind, WQ_EVENT_BEGIN);
	nothing_left();
}
END_TEST

/* It must not end the next call, whose own end would then end nothing. */
START_TEST(a_late_return_ends_the_call_before_the_next)
{
	static const uint32_t next[] = {KEYCTL_UPDATE, KEYCTL_READ};
	struct wq_event e;

	for (size_t i = 0; i < ARRAY_SIZE(next); i++) {
		wq_event_order_begin(&order, 10, 1, 0, KEYCTL_LINK, args);
		wq_event_order_begin(&order, 30, 1, 0, next[i], args);
		wq_event_order_complete(&order, 40);
		ck_assert_uint_eq(take().operation.begin_ns, 10);
		if (next[i] == KEYCTL_UPDATE)
			ck_assert_uint_eq(take().operation.begin_ns, 30);
		nothing_left();
		wq_event_order_end(&order, 20, 1, 0, 5);
		wq_event_order_end(&order, 50, 1, 0, 6);
		wq_event_order_complete(&order, 100);
		e = take();
		ck_assert_int_eq(e.kind, WQ_EVENT_END);
		ck_assert_uint_eq(e.operation.op, KEYCTL_LINK);
		ck_assert_uint_eq(e.operation.begin_ns, 10);
		ck_assert_uint_eq(e.operation.end_ns, 20);
		ck_assert_int_eq(e.operation.result, 5);
		if (next[i] == KEYCTL_UPDATE) {
			e = take();
			ck_assert_uint_eq(e.operation.begin_ns, 30);
			ck_assert_int_eq(e.operation.result, 6);
		}
		nothing_left();
	}
}
END_TEST

/* It began before the events did. */
START_TEST(a_late_return_of_what_was_not_seen_ends_nothing)
{
	wq_event_order_begin(&order, 30, 1, 0, KEYCTL_LINK, args);
	wq_event_order_complete(&order, 40);
	take();
	wq_event_order_end(&order, 20, 1, 0, 5);
	wq_event_order_end(&order, 50, 1, 0, 6);
	wq_event_order_complete(&order, 100);
	ck_assert_int_eq(take().operation.result, 6);
	nothing_left();
}
END_TEST

START_TEST(who_becomes_another_user_is_told_in_order)
{
	const int32_t ids[WQ_IDS_ARGS] = {5, 6, 7};
	struct wq_event e;

	wq_event_order_ids_begin(&order, 10, 1, WQ_IDS_SETRESUID, ids);
	wq_event_order_ids_end(&order, 20, 1, WQ_IDS_SETRESUID, 0);
	wq_event_order_ids_begin(&order, 30, 1, WQ_IDS_SETUID, ids);
	wq_event_order_ids_end(&order, 40, 1, WQ_IDS_SETUID, -1);
	wq_event_order_ids(&order, 50, 1, WQ_IDS_EXECUTED);
	wq_event_order_complete(&order, 100);
	ck_assert_uint_eq(order.waiting, 0);
	e = take();
	ck_assert_int_eq(e.kind, WQ_EVENT_IDS);
	ck_assert_int_eq(e.ids.change, WQ_IDS_SETRESUID);
	ck_assert_uint_eq(e.ids.arg[2], 7);
	ck_assert_int_eq(take().ids.change, WQ_IDS_EXECUTED);
	nothing_left();
}
END_TEST

START_TEST(who_adds_events_meanwhile_is_not_taken_to_be_done)
{
	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_begin(&order, 20, 2, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 100);
	take();
	wq_event_order_fork(&order, 200, 1, 2);
	ck_assert(wq_event_order_behind(&order));
	take();
	ck_assert(!wq_event_order_behind(&order));
}
END_TEST

START_TEST(changes_stand_among_operations)
{
	const struct wq_change change = {.serial = 7, .subtype = 3, .aux = 9, .at_ns = 15};
	struct wq_event e;

	wq_event_order_begin(&order, 20, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_change(&order, &change);
	wq_event_order_complete(&order, 100);
	e = take();
	ck_assert_int_eq(e.kind, WQ_EVENT_CHANGE);
	ck_assert_int_eq(e.change.serial, 7);
	ck_assert_uint_eq(e.change.aux, 9);
	ck_assert_int_eq(take().kind, WQ_EVENT_BEGIN);
}
END_TEST

START_TEST(changes_of_one_time_keep_the_order_in_which_they_were_told)
{
	struct wq_change change = {.at_ns = 20};
	unsigned int n = 0;

	for (int32_t i = 1; i <= 1000; i++) {
		change.serial = i;
		if (i % 2)
			wq_event_order_change(&order, &change);
		else
			wq_event_order_destroyed(&order, &(struct wq_destroyed){i, 20});
	}
	wq_event_order_complete(&order, 100);
	for (int32_t i = 1; i <= 1000; i++) {
		const struct wq_event e = take();

		n += (i % 2 ? e.change.serial : e.destroyed.serial) == i;
	}
	ck_assert_uint_eq(n, 1000);
	nothing_left();
}
END_TEST

START_TEST(a_destruction_is_told_among_changes)
{
	wq_event_order_change(&order, &(struct wq_change){.serial = 7, .at_ns = 30});
	wq_event_order_destroyed(&order, &(struct wq_destroyed){8, 20});
	ck_assert_uint_eq(order.waiting, 2);
	wq_event_order_complete(&order, 100);
	{
		const struct wq_event e = take();

		ck_assert_int_eq(e.kind, WQ_EVENT_DESTROYED);
		ck_assert_int_eq(e.destroyed.serial, 8);
		ck_assert_uint_eq(e.destroyed.at_ns, 20);
	}
	ck_assert_int_eq(take().kind, WQ_EVENT_CHANGE);
	ck_assert_uint_eq(order.waiting, 0);
}
END_TEST

START_TEST(a_loss_is_told_once_when_all_before_it_is_complete)
{
	wq_event_order_begin(&order, 10, 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 20);
	take();
	wq_event_order_begin(&order, 30, 2, 0, KEYCTL_REVOKE, args);
	wq_event_order_lose(&order, 50, WQ_LOST_OVERFLOW);
	wq_event_order_begin(&order, 40, 3, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 45);
	nothing_left();
	wq_event_order_lose(&order, 60, WQ_LOST_OVERFLOW);
	wq_event_order_complete(&order, 50);
	ck_assert_int_eq(take().kind, WQ_EVENT_LOST);
	nothing_left();
	/* what had begun before the loss is unknown now */
	wq_event_order_end(&order, 70, 1, 0, 0);
	wq_event_order_begin(&order, 80, 4, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, 100);
	ck_assert_int_eq(take().operation.tid, 4);
	nothing_left();
}
END_TEST

START_TEST(many_events_are_kept_in_order)
{
	uint64_t last = 0;

	for (uint64_t i = 0; i < 40000; i++)
		wq_event_order_begin(
			&order, 1 + i * 7919 % 40009, (pid_t)i + 1, 0, KEYCTL_REVOKE, args);
	wq_event_order_complete(&order, UINT64_MAX);
	for (int i = 0; i < 40000; i++) {
		uint64_t at = take().operation.begin_ns;

		ck_assert_uint_lt(last, at);
		last = at;
	}
	nothing_left();
	ck_assert_uint_eq(order.cap, 0); /* the memory of a flood is given back */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event_order");
	TCase *t = tcase_create("event_order");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, events_come_in_the_order_of_time);
	tcase_add_test(t, an_end_has_its_beginnings_arguments);
	tcase_add_test(t, an_end_without_a_beginning_is_none);
	tcase_add_test(t, of_one_time_the_beginning_comes_first);
	tcase_add_test(t, what_is_not_complete_waits);
	tcase_add_test(t, a_return_ends_only_the_call_that_was_entered);
	tcase_add_test(t, a_late_return_ends_the_call_before_the_next);
	tcase_add_test(t, a_late_return_of_what_was_not_seen_ends_nothing);
	tcase_add_test(t, who_becomes_another_user_is_told_in_order);
	tcase_add_test(t, who_adds_events_meanwhile_is_not_taken_to_be_done);
	tcase_add_test(t, changes_stand_among_operations);
	tcase_add_test(t, changes_of_one_time_keep_the_order_in_which_they_were_told);
	tcase_add_test(t, a_destruction_is_told_among_changes);
	tcase_add_test(t, a_loss_is_told_once_when_all_before_it_is_complete);
	tcase_add_test(t, many_events_are_kept_in_order);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
