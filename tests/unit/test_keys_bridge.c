/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys bridge with real keys and without a mount: after a scan the queue holds what the
 * kernel would have posted. Each test has a session keyring of its own, which ends with it.
 *
 * There is no test of INSTANTIATED: a watch waits for the construction of its key, as the
 * kernel's does.
 */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "bridge.h"
#include "keys/model.h"
#include "run.h"

/* ---- events ---- */

static int32_t key_a, key_b, ring;

static void update(void)
{
	ck_assert_int_eq(keyctl_update(key_a, "22", 2), 0);
}

static void update_with_the_same(void)
{
	ck_assert_int_eq(keyctl_update(key_a, "1", 1), 0);
}

static void revoke_a(void)
{
	ck_assert_int_eq(keyctl_revoke(key_a), 0);
}

static void setperm(void)
{
	ck_assert_int_eq(keyctl_setperm(key_a, KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ), 0);
}

static void set_timeout(void)
{
	ck_assert_int_eq(keyctl_set_timeout(key_a, 1000), 0);
}

static void update_and_setperm(void)
{
	update();
	setperm();
}

static void link_a(void)
{
	ck_assert_int_eq(keyctl_link(key_a, ring), 0);
}

static void link_both(void)
{
	link_a();
	ck_assert_int_eq(keyctl_link(key_b, ring), 0);
}

static void unlink_a(void)
{
	ck_assert_int_eq(keyctl_unlink(key_a, ring), 0);
}

static void clear(void)
{
	ck_assert_int_eq(keyctl_clear(ring), 0);
}

static void link_and_unlink(void)
{
	link_a();
	unlink_a();
}

static void displace_a(void)
{
	key_b = add_key("user", "wqfs-test:a", "2", 1, ring);
	ck_assert_int_gt(key_b, 0);
}

static void displace_by_move(void)
{
	int32_t other = add_ring("wqfs-test:other");

	key_b = add_key("user", "wqfs-test:a", "2", 1, other);
	ck_assert_int_gt(key_b, 0);
	ck_assert_int_eq(keyctl_move(key_b, other, ring, 0), 0);
}

static void nothing(void)
{
}

static const struct {
	const char *says;
	void (*before)(void), (*change)(void);
	bool of_ring; /* the ring is watched, else key A */
	const char *records;
} events[] = {
	{"nothing", nothing, nothing, false, ""},
	{"an update", nothing, update, false, "1:0"},
	{"an update that changes nothing is not seen", nothing, update_with_the_same, false,
		""},
	{"a revocation", nothing, revoke_a, false, "5:0"},
	{"a change of permissions", nothing, setperm, false, "7:0"},
	{"a timeout", nothing, set_timeout, false, "7:0"},
	{"the payload comes before the attributes", nothing, update_and_setperm, false,
		"1:0 7:0"},
	{"a link", nothing, link_a, true, "2:A"},
	{"a second link is not seen", link_a, link_a, true, ""},
	{"an unlink", link_both, unlink_a, true, "3:A"},
	{"a clear", link_both, clear, true, "4:0"},
	{"a link that is undone is not seen", nothing, link_and_unlink, true, ""},
	{"an add_key() over a key that is there: its own update, not the ring's", link_a,
		displace_a, true, ""},
	{"a move over one of the same name: the link alone", link_a, displace_by_move, true,
		"2:B"},
};

START_TEST(changes_give_the_records_of_the_kernel)
{
	const char *got;

	key_a = add("wqfs-test:a");
	key_b = add("wqfs-test:b");
	ring = add_ring("wqfs-test:ring");
	events[_i].before();
	ck_assert_int_eq(watch(events[_i].of_ring ? ring : key_a), 0);
	scan_all(); /* where there are many keys a new watch does not pass over all of them */
	events[_i].change();
	scan_all();
	got = records(key_a, key_b);
	ck_assert_msg(!strcmp(got, events[_i].records), "%s: \"%s\", not \"%s\"",
		events[_i].says, got, events[_i].records);
	/* and never again */
	scan_all();
	ck_assert_str_eq(records(key_a, key_b), "");
}
END_TEST

START_TEST(key_that_loses_its_last_link_is_removed)
{
	key_a = add("wqfs-test:a");
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(keyctl_unlink(key_a, KEY_SPEC_SESSION_KEYRING), 0);
	await_end(key_a);
	ck_assert_str_eq(records(key_a, 0), "meta.0:A");
	ck_assert_int_eq(watch(key_a), -ENOKEY);
}
END_TEST

START_TEST(invalidated_key_is_told_and_removed)
{
	const char *got;

	key_a = add("wqfs-test:a");
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(keyctl_invalidate(key_a), 0);
	scan_all();
	await_end(key_a);
	got = records(key_a, 0);
	/* if it is collected before the snapshot, it looks like a key that has lost its last
	 * link */
	ck_assert_msg(!strcmp(got, "6:0 meta.0:A") || !strcmp(got, "meta.0:A"), "%s", got);
}
END_TEST

START_TEST(unwatch_posts_removal_behind_what_came_before)
{
	key_a = add("wqfs-test:a");
	ck_assert_int_eq(watch(key_a), 0);
	update();
	ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, -1, &self), 0);
	ck_assert_str_eq(records(key_a, 0), "1:0 meta.0:A");
	update();
	scan_all();
	ck_assert_str_eq(records(key_a, 0), "");
}
END_TEST

START_TEST(what_came_before_a_watch_is_not_for_it)
{
	struct wq_queue *other = wq_queue_new(&bridge_ops, NULL, NULL);

	key_a = add("wqfs-test:a");
	ck_assert_int_eq(wq_queue_set_size(other, 32), 0);
	ck_assert_int_eq(wq_keys_watch(keys, other, key_a, ID, &self), 0);
	update();
	ck_assert_int_eq(watch(key_a), 0);
	scan_all();
	ck_assert_str_eq(records(key_a, 0), "");
	ck_assert_uint_eq(wq_queue_bytes(other, WQFS_FORMAT_RAW), 16);
	wq_queue_put(other);
}
END_TEST

START_TEST(queue_that_goes_takes_its_watches_along)
{
	for (int i = 0; i < 3; i++) {
		key_a = add("wqfs-test:a");
		ck_assert_int_eq(watch(key_a), 0);
		wq_queue_put(queue);
		update();
		scan_all();
		queue = wq_queue_new(&bridge_ops, NULL, NULL);
		ck_assert_int_eq(wq_queue_set_size(queue, 32), 0);
	}
}
END_TEST

/* ---- who and what ---- */

START_TEST(watches_that_cannot_be_are_refused)
{
	key_a = add("wqfs-test:a");
	key_b = add("wqfs-test:b");
	ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, 256, &self), -EINVAL);
	ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, -2, &self), -EINVAL);
	ck_assert_int_eq(wq_keys_watch(keys, queue, 0, ID, &self), -EINVAL);
	ck_assert_int_eq(wq_keys_watch(keys, queue, -3, ID, &self), -EINVAL);
	ck_assert_int_eq(wq_keys_watch(keys, queue, 0x7fffffff, ID, &self), -ENOKEY);
	ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, -1, &self), -EBADSLT);
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(key_a), -EBUSY);
	ck_assert_int_eq(wq_keys_watch(keys, queue, key_b, -1, &self), -EBADSLT);
	ck_assert_int_eq(keyctl_revoke(key_b), 0);
	ck_assert_int_eq(watch(key_b), -EKEYREVOKED);
}
END_TEST

static bool in_any_group(const struct wq_caller *caller WQ_UNUSED, gid_t gid WQ_UNUSED)
{
	return true;
}

START_TEST(view_is_the_callers)
{
	static const struct {
		uint32_t perm;
		bool owner, in_group;
		int result;
	} cases[] = {
		{KEY_USR_VIEW, true, false, 0},
		{KEY_USR_READ, true, false, -EACCES},
		{KEY_USR_READ | KEY_OTH_VIEW, true, false, -EACCES},
		{KEY_USR_VIEW, false, false, -EACCES},
		{KEY_USR_VIEW | KEY_OTH_VIEW, false, false, 0},
		{KEY_USR_VIEW | KEY_GRP_VIEW, false, false, -EACCES},
		{KEY_USR_VIEW | KEY_GRP_VIEW, false, true, 0},
		{KEY_USR_VIEW | KEY_GRP_READ | KEY_OTH_VIEW, false, true, -EACCES},
	};

	key_a = add("wqfs-test:a");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wq_caller caller = self;

		ck_assert_int_eq(keyctl_setperm(key_a, KEY_POS_ALL | cases[i].perm), 0);
		caller.uid += !cases[i].owner;
		caller.gid += !cases[i].owner;
		caller.in_group = cases[i].in_group ? in_any_group : bridge_in_no_group;
		ck_assert_msg(wq_keys_watch(keys, queue, key_a, ID, &caller) == cases[i].result,
			"case %zu", i);
		if (cases[i].result == 0)
			ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, -1, &caller), 0);
		records(key_a, 0);
	}
}
END_TEST

struct line {
	char text[512];
};

static bool describe(const struct wq_watch *w, void *line)
{
	FILE *f = fmemopen(((struct line *)line)->text, sizeof(struct line), "w");

	wq_describe_watch(w, &self, f);
	fclose(f);
	return true;
}

START_TEST(how_a_key_is_observed_is_said)
{
	static const struct {
		uint32_t perm;
		const char *says;
	} cases[] = {
		{KEY_POS_ALL | KEY_USR_VIEW, "payload compared"},
		{KEY_POS_VIEW | KEY_POS_SETATTR | KEY_USR_VIEW, "payload not readable"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line line = {0};
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:%zu", i);
		key_a = add(name);
		ck_assert_int_eq(keyctl_setperm(key_a, cases[i].perm), 0);
		ck_assert_int_eq(watch(key_a), 0);
		scan_all();
		wq_queue_each_watch(queue, describe, &line);
		ck_assert_msg(strstr(line.text, cases[i].says) != NULL, "%s", line.text);
		ck_assert_ptr_nonnull(strstr(line.text, name));
		ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, -1, &self), 0);
	}
}
END_TEST

/* ---- when ---- */

START_TEST(changes_are_found_without_being_asked_for)
{
	key_a = add("wqfs-test:a");
	ck_assert_int_eq(watch(key_a), 0);
	update();
	ck_assert_int_eq(wq_loop_run(loop), 0); /* until the queue is woken */
	ck_assert_str_eq(records(key_a, 0), "1:0");
}
END_TEST

/* Then updates every second one. */
static void watch_many(int n)
{
	char name[32];

	for (int i = 0; i < n; i++) {
		int32_t key;

		snprintf(name, sizeof(name), "wqfs-test:many%d", i);
		key = add(name);
		ck_assert_int_eq(watch(key), 0);
		if (i % 2)
			ck_assert_int_eq(keyctl_update(key, "2", 1), 0);
	}
}

START_TEST(cancelled_sync_is_not_done)
{
	struct wanted_scan l;

	watch_many(100);
	scan_begin(&l);
	if (!l.done) { /* it may have ended at once */
		wq_keys_sync_cancel(keys, &l.sync);
		scan_all();
		ck_assert(!l.done);
	}
}
END_TEST

START_TEST(interval_follows_the_budget)
{
	static const double budgets[] = {0.0001, 0.01, 1};
	uint32_t intervals[3];

	key_a = add("wqfs-test:a");
	for (int i = 0; i < 3; i++) {
		const struct wq_keys_config config = {
			.pace.cpu_budget = budgets[i],
			.pace.poll_min_ms = 10,
			.pace.poll_max_ms = 1000,
			.source = "poll",
		};
		struct wqfs_stats s = {0};

		tear_down();
		begin(&config);
		ck_assert_int_eq(watch(key_a), 0);
		scan_all();
		wq_keys_stats(keys, &s);
		ck_assert_uint_eq(s.source, WQFS_SOURCE_POLL);
		ck_assert_uint_ge(s.interval_us, 10000);
		intervals[i] = s.interval_us;
	}
	/* a snapshot takes more than 1 us: a ten-thousandth of a core is then worth 10 ms and
	 * more
	 */
	ck_assert_uint_gt(intervals[0], intervals[2]);
	ck_assert_uint_eq(intervals[2], 10000);
}
END_TEST

START_TEST(many_keys_are_all_compared)
{
	int n = geteuid() ? 100 : 1000; /* a user may have 200 keys */
	struct wqfs_stats s;

	watch_many(n);
	scan_all();
	wq_queue_stats(queue, &s);
	ck_assert_uint_eq(s.posted + s.lost, (uint64_t)n / 2);
}
END_TEST

int main(void)
{
	TCase *what, *who, *when;
	Suite *suite;

	if (!have_keys(false))
		return 77;
	suite = suite_create("keys_bridge");
	what = tcase_create("events");
	who = tcase_create("watches");
	when = tcase_create("scans");
	tcase_add_checked_fixture(what, set_up, tear_down);
	tcase_add_loop_test(
		what, changes_give_the_records_of_the_kernel, 0, ARRAY_SIZE(events));
	tcase_add_test(what, key_that_loses_its_last_link_is_removed);
	tcase_add_test(what, invalidated_key_is_told_and_removed);
	tcase_add_test(what, unwatch_posts_removal_behind_what_came_before);
	tcase_add_test(what, what_came_before_a_watch_is_not_for_it);
	tcase_add_test(what, queue_that_goes_takes_its_watches_along);
	suite_add_tcase(suite, what);
	tcase_add_checked_fixture(who, set_up, tear_down);
	tcase_add_test(who, watches_that_cannot_be_are_refused);
	tcase_add_test(who, view_is_the_callers);
	tcase_add_test(who, how_a_key_is_observed_is_said);
	suite_add_tcase(suite, who);
	tcase_add_checked_fixture(when, set_up, tear_down);
	tcase_add_test(when, changes_are_found_without_being_asked_for);
	tcase_add_test(when, cancelled_sync_is_not_done);
	tcase_add_test(when, interval_follows_the_budget);
	tcase_add_test(when, many_keys_are_all_compared);
	suite_add_tcase(suite, when);
	return run_suite(suite);
}
