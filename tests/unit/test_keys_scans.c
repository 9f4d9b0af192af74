/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens between two snapshots, and in the middle of a scan. The linker puts the
 * functions __wrap_...() of this program before those of key_reader.c, so that a test can act
 * at these moments.
 */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array_size.h"
#include "bridge.h"
#include "keys/key_reader.h"
#include "keys/proc_keys.h"
#include "run.h"

#define KEYS	    64
#define SLICE	    4 /* snapshots in a slice whose time is over: it asks after so many */
#define MANY	    100000
#define PASSES	    30
#define SNAPSHOT_NS 3000000u /* longer than scans may keep requests waiting */

__typeof__(wq_key_reader_same) __real_wq_key_reader_same, __wrap_wq_key_reader_same;
__typeof__(wq_key_reader_describe) __real_wq_key_reader_describe, __wrap_wq_key_reader_describe;
__typeof__(wq_proc_keys_next) __real_wq_proc_keys_next, __wrap_wq_proc_keys_next;
__typeof__(read) __real_read, __wrap_read;
__typeof__(clock_gettime) __real_clock_gettime, __wrap_clock_gettime;

static int32_t key[KEYS];
static int32_t taken[MANY]; /* of which keys, in order; and when */
static uint64_t taken_ns[MANY];
static unsigned int snapshots, stop_at; /* the loop ends at the snapshot of that number */
/* One of so many snapshots takes SNAPSHOT_NS; 0: none. */
static unsigned int every;
static void (*after_describe)(void); /* once */
/* What to do after so many parts of /proc/keys have been read. */
static void (*after_parts)(void);
static unsigned int parts;

/* If is_still, CPU time passes only as the test says. */
static bool is_still;
static uint64_t still_ns;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	if (!is_still || clock != CLOCK_THREAD_CPUTIME_ID)
		return __real_clock_gettime(clock, t);
	*t = (struct timespec){0, (long)still_ns};
	return 0;
}

/* In CPU time. */
static uint64_t used_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void take_time(void)
{
	uint64_t end = used_ns() + SNAPSHOT_NS;

	while (used_ns() < end)
		;
}

bool __wrap_wq_key_reader_same(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, const struct wq_key_state *old)
{
	ck_assert_uint_lt(snapshots, MANY);
	taken_ns[snapshots] = wq_now_ns();
	taken[snapshots++] = serial;
	if (every && snapshots % every == 1)
		take_time();
	if (snapshots == stop_at)
		wq_loop_stop(loop);
	return __real_wq_key_reader_same(reader, as, serial, old);
}

int __wrap_wq_key_reader_describe(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new)
{
	int r = __real_wq_key_reader_describe(reader, as, serial, new);
	void (*act)(void) = after_describe;

	after_describe = NULL;
	if (act)
		act();
	return r;
}

int __wrap_wq_proc_keys_next(struct wq_proc_keys *pass,
	void (*fn)(void *arg, const struct wq_proc_key *key), void *arg)
{
	int r = __real_wq_proc_keys_next(pass, fn, arg);

	if (r > 0 && parts && --parts == 0)
		after_parts();
	return r;
}

/* On a busy machine little of /proc/keys is read at a time. */
ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	return __real_read(fd, buf, parts && size > 100 ? 100 : size);
}

static void did(long r)
{
	ck_assert_msg(r >= 0, "keyctl: %s", strerror(errno));
}

/* ---- between the permission and the first snapshot ---- */

static void nothing(void)
{
}

static void drop(void)
{
	did(keyctl_unlink(key[0], KEY_SPEC_SESSION_KEYRING));
}

static void drop_and_wait(void)
{
	drop();
	while (keyctl_describe(key[0], NULL, 0) >= 0)
		usleep(1000);
	ck_assert_int_eq(errno, ENOKEY);
}

static void invalidate(void)
{
	did(keyctl_invalidate(key[0]));
}

static void revoke_it(void)
{
	did(keyctl_revoke(key[0]));
}

static void expire(void)
{
	did(keyctl_set_timeout(key[0], 1));
	while (keyctl_describe(key[0], NULL, 0) >= 0)
		usleep(10000);
}

static void hide(void)
{
	did(keyctl_setperm(key[0], KEY_POS_ALL & ~(unsigned int)KEY_POS_VIEW));
}

static void update(void)
{
	did(keyctl_update(key[0], "2", 1));
}

/* The kernel drops the key a little after the link, so it can be watched in between. */
static const struct {
	const char *says;
	void (*act)(void);
	int result;
} deaths[] = {
	{"nothing", nothing, 0},
	{"its last link goes", drop, -ENOKEY},
	{"it is destroyed", drop_and_wait, -ENOKEY},
	{"it is invalidated", invalidate, -ENOKEY},
	{"it is revoked", revoke_it, -EKEYREVOKED},
	{"it expires", expire, -EKEYEXPIRED},
	{"it is hidden", hide, -EACCES},
	{"it is updated", update, 0},
};

START_TEST(key_that_dies_before_its_first_snapshot_is_not_watched)
{
	bool dropped = deaths[_i].act == drop;
	struct wqfs_stats s = {0};
	int r;

	key[0] = add("wqfs-test:a");
	after_describe = deaths[_i].act;
	r = watch(key[0]);
	ck_assert_ptr_null(after_describe);
	ck_assert_msg(r == deaths[_i].result || (r == 0 && dropped), "%s: %s", deaths[_i].says,
		strerror(-r));
	wq_queue_stats(queue, &s);
	ck_assert_uint_eq(s.watches, r == 0);
	scan_all();
	if (dropped)
		await_end(key[0]);
	/* earlier changes are not for the watch */
	ck_assert_str_eq(records(key[0], 0), dropped && r == 0 ? "meta.0:A" : "");
}
END_TEST

/* Another queue watches it already. */
static const struct {
	const char *says;
	void (*act)(void);
	const char *other;
} late_deaths[] = {
	{"its last link goes", drop, "meta.0:A"},
	{"it is destroyed", drop_and_wait, "meta.0:A"},
	{"it is invalidated", invalidate, "6:0 meta.0:A"},
};

START_TEST(watch_of_a_key_that_dies_meanwhile_fails_or_is_told)
{
	struct wq_queue *first;
	const char *told;
	int r;

	key[0] = add("wqfs-test:a");
	ck_assert_int_eq(watch(key[0]), 0);
	first = queue;
	queue = wq_queue_new(&bridge_ops, NULL, NULL);
	ck_assert_int_eq(wq_queue_set_size(queue, 32), 0);
	after_describe = late_deaths[_i].act;
	r = watch(key[0]);
	ck_assert_msg(r == -ENOKEY || (r == 0 && late_deaths[_i].act != drop_and_wait),
		"%s: %s", late_deaths[_i].says, strerror(-r));
	await_end(key[0]);
	ck_assert_str_eq(records(key[0], 0), r ? "" : "meta.0:A");
	wq_queue_put(queue);
	queue = first;
	told = records(key[0], 0);
	/* if it is collected before the snapshot, both look alike */
	ck_assert_msg(
		!strcmp(told, late_deaths[_i].other) || !strcmp(told, "meta.0:A"), "%s", told);
}
END_TEST

/* ---- in the middle of a scan ---- */

/* No scan begins by itself. */
static void set_up_alone(void)
{
	const struct wq_keys_config config = {
		.pace.cpu_budget = 1,
		.pace.poll_min_ms = 3600000,
		.pace.poll_max_ms = 3600000,
		.source = "poll",
	};

	ck_assert_int_gt(keyctl_join_session_keyring(NULL), 0);
	begin(&config);
}

static void watch_all(void)
{
	char name[32];

	for (int i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "wqfs-test:%d", i);
		key[i] = add(name);
		ck_assert_int_eq(watch(key[i]), 0);
	}
	scan_all();
	snapshots = 0;
}

static void run_until(unsigned int want)
{
	while (snapshots < want) {
		stop_at = want;
		ck_assert_int_eq(wq_loop_run(loop), 0);
	}
}

/* Begins a scan, of which the first SLICE keys have been compared. */
static void begin_slice(struct wanted_scan *l)
{
	every = SLICE;
	snapshots = 0;
	scan_begin(l);
	run_until(SLICE);
	every = 0;
	ck_assert_uint_eq(snapshots, SLICE);
	ck_assert(!l->done);
}

static void change(int i)
{
	did(keyctl_update(key[i], "2", 1));
}

/* Takes all records, and counts updates and removals for each key. */
static void count(unsigned int updates[KEYS], unsigned int removals[KEYS])
{
	unsigned char buf[16];
	struct wq_take take;

	while (wq_queue_peek(queue, WQFS_FORMAT_RAW, buf, sizeof(buf), &take) > 0) {
		struct key_notification k;
		int i = 0;

		memcpy(&k, buf, sizeof(k));
		while (i < KEYS && (uint32_t)key[i] != k.key_id)
			i++;
		ck_assert_int_lt(i, KEYS);
		if (k.watch.type == WATCH_TYPE_META)
			removals[i]++;
		else
			updates[i]++;
		wq_queue_consume(queue, &take);
	}
}

START_TEST(sync_in_the_middle_of_a_scan_wants_a_whole_one)
{
	unsigned int updates[KEYS] = {0}, removals[KEYS] = {0};
	struct wanted_scan first, second;

	watch_all();
	begin_slice(&first);
	change(0);
	change(KEYS - 1);
	scan_begin(&second);
	ck_assert_uint_eq(snapshots, SLICE); /* it waits for its turn */
	scan_end(&second);
	ck_assert(first.done);
	ck_assert_uint_eq(snapshots, 2 * KEYS);
	count(updates, removals);
	for (int i = 0; i < KEYS; i++) {
		ck_assert_uint_eq(updates[i], i == 0 || i == KEYS - 1);
		ck_assert_uint_eq(removals[i], 0);
	}
}
END_TEST

START_TEST(sync_before_a_change_need_not_tell_it)
{
	unsigned int updates[KEYS] = {0}, removals[KEYS] = {0};
	struct wanted_scan first;

	watch_all();
	begin_slice(&first);
	change(0);
	scan_end(&first);
	ck_assert_uint_eq(snapshots, KEYS);
	count(updates, removals);
	ck_assert_uint_eq(updates[0], 0);
	scan_all();
	count(updates, removals);
	ck_assert_uint_eq(updates[0], 1);
}
END_TEST

/* /proc/keys alone shows the length of such a payload. */
static int32_t add_unreadable(const char *description)
{
	int32_t serial = add_key("logon", description, "1", 1, KEY_SPEC_SESSION_KEYRING);

	did(serial);
	return serial;
}

static void pass_slowly(void)
{
	still_ns += SNAPSHOT_NS;
}

/* Of the last passes so many were slow: only one of them says nothing of the next one. */
START_TEST(length_of_a_payload_is_known_from_the_watch_on_where_passes_are_fast)
{
	unsigned int updates[KEYS] = {0}, removals[KEYS] = {0};

	is_still = true;
	key[0] = add_unreadable("wqfs-test:0");
	ck_assert_int_eq(watch(key[0]), 0);
	scan_all();
	for (int i = 0; i < _i; i++) {
		after_parts = pass_slowly;
		parts = 1;
		scan_all();
		ck_assert_uint_eq(parts, 0);
	}
	key[1] = add_unreadable("wqfs-test:1");
	ck_assert_int_eq(watch(key[1]), 0);
	did(keyctl_update(key[1], "22", 2));
	scan_all();
	count(updates, removals);
	ck_assert_uint_eq(updates[1], _i < 2);
	is_still = false;
}
END_TEST

static uint32_t seconds;

/* Each time others, which /proc/keys shows as such. */
static void report_timeouts(void)
{
	seconds += 7200;
	for (int i = 0; i < KEYS; i++) {
		struct wqfs_key_report report = {.op = KEYCTL_SET_TIMEOUT,
			.arg = {key[i], (int32_t)seconds},
			.begin_ns = wq_now_ns()};

		did(keyctl_set_timeout(key[i], seconds));
		report.end_ns = wq_now_ns();
		ck_assert_int_eq(wq_keys_report(keys, &report, &self), 0);
	}
}

/* A line of /proc/keys that comes in two parts is as old as the first of them. Where the parts
 * end is up to the kernel. */
START_TEST(timeouts_reported_in_the_middle_of_a_pass_are_told_once)
{
	unsigned int after = 1;

	watch_all();
	after_parts = report_timeouts;
	for (int pass = 0; pass < PASSES; pass++) {
		unsigned int updates[KEYS] = {0}, removals[KEYS] = {0};

		parts = after;
		scan_all();
		scan_all();
		count(updates, removals);
		for (int i = 0; i < KEYS; i++)
			ck_assert_uint_eq(updates[i], parts == 0);
		after = parts == 0 ? after + 1 : 1;
	}
	parts = 0;
}
END_TEST

/* The scan is at key SLICE. */
static const int leaving[] = {0, SLICE - 1, SLICE, SLICE + 1, SLICE + 2, KEYS - 1};

#define LEAVING ((int)ARRAY_SIZE(leaving))

static bool leaves(int i)
{
	for (int j = 0; j < LEAVING; j++)
		if (leaving[j] == i)
			return true;
	return false;
}

static void die(int i)
{
	did(keyctl_unlink(key[i], KEY_SPEC_SESSION_KEYRING));
}

static void unwatch(int i)
{
	ck_assert_int_eq(wq_keys_watch(keys, queue, key[i], -1, &self), 0);
}

static void (*const ways[])(int i) = {die, unwatch};

/* Some keys leave in that WAY, and all others change. */
static void some_leave(void (*way)(int i))
{
	for (int i = 0; i < KEYS; i++)
		if (leaves(i))
			way(i);
		else
			change(i);
}

static void each_was_told_of_once(void (*way)(int i))
{
	unsigned int updates[KEYS] = {0}, removals[KEYS] = {0};

	for (int j = 0; j < LEAVING; j++)
		if (way == die)
			await_end(key[leaving[j]]);
	count(updates, removals);
	for (int i = 0; i < KEYS; i++) {
		ck_assert_uint_eq(updates[i], !leaves(i));
		ck_assert_uint_eq(removals[i], leaves(i));
	}
}

START_TEST(each_key_is_told_of_once_though_others_leave_in_the_middle)
{
	struct wanted_scan first;

	watch_all();
	begin_slice(&first);
	some_leave(ways[_i]);
	scan_end(&first);
	scan_all();
	each_was_told_of_once(ways[_i]);
}
END_TEST

START_TEST(scan_ends_when_all_that_was_left_is_gone)
{
	struct wanted_scan first;

	watch_all();
	begin_slice(&first);
	for (int i = SLICE; i < KEYS; i++)
		unwatch(i);
	scan_end(&first);
	ck_assert_uint_eq(snapshots, KEYS); /* each was compared before it left */
	change(0);
	snapshots = 0;
	scan_all();
	ck_assert_uint_eq(snapshots, SLICE);
}
END_TEST

/* ---- turns ---- */

#define SCANS	3
#define BUDGET	0.1
#define TURN_NS 20000000u /* the budget allows one slow slice in this time */

static void set_up_turns(void)
{
	const struct wq_keys_config config = {
		.pace.cpu_budget = BUDGET,
		.pace.poll_min_ms = 1,
		.pace.poll_max_ms = TURN_NS / 1000000u,
		.source = "poll",
	};

	ck_assert_int_gt(keyctl_join_session_keyring(NULL), 0);
	begin(&config);
}

START_TEST(scans_come_to_each_key_in_its_turn)
{
	watch_all();
	every = SLICE;
	run_until(SCANS * KEYS);
	for (unsigned int i = 0; i < SCANS * KEYS; i++)
		ck_assert_int_eq(taken[i], key[i % KEYS]);
}
END_TEST

/* Only the least time between two snapshots is certain, not the most. */
START_TEST(scans_keep_within_the_budget)
{
	struct wqfs_stats s = {0};

	watch_all();
	every = SLICE;
	run_until(2 * KEYS + 1); /* the first snapshot of the third scan */
	wq_keys_stats(keys, &s);
	ck_assert_uint_ge(s.interval_us, KEYS / SLICE * SNAPSHOT_NS / 1000u / BUDGET);
	/* the second scan began after the last snapshot of the first */
	ck_assert_uint_ge(taken_ns[2 * KEYS] - taken_ns[KEYS - 1], s.interval_us * 1000ull);
	for (unsigned int i = KEYS + SLICE; i + SLICE < 2 * KEYS; i += SLICE)
		ck_assert_uint_ge(taken_ns[i + SLICE] - taken_ns[i - 1], TURN_NS);
}
END_TEST

START_TEST(keys_that_leave_between_turns_cost_no_other_its_turn)
{
	watch_all();
	every = SLICE;
	run_until(KEYS + SLICE);
	some_leave(ways[_i]);
	scan_all();
	each_was_told_of_once(ways[_i]);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *before, *middle;
	TCase *turns;

	if (!have_keys(true))
		return 77;
	suite = suite_create("keys_scans");
	before = tcase_create("before");
	middle = tcase_create("middle");
	turns = tcase_create("turns");
	tcase_add_checked_fixture(before, set_up, tear_down);
	tcase_add_loop_test(before, key_that_dies_before_its_first_snapshot_is_not_watched, 0,
		ARRAY_SIZE(deaths));
	tcase_add_loop_test(before, watch_of_a_key_that_dies_meanwhile_fails_or_is_told, 0,
		ARRAY_SIZE(late_deaths));
	suite_add_tcase(suite, before);
	tcase_add_checked_fixture(middle, set_up_alone, tear_down);
	tcase_add_test(middle, sync_in_the_middle_of_a_scan_wants_a_whole_one);
	tcase_add_test(middle, sync_before_a_change_need_not_tell_it);
	tcase_add_loop_test(middle,
		length_of_a_payload_is_known_from_the_watch_on_where_passes_are_fast, 0, 3);
	tcase_add_test(middle, timeouts_reported_in_the_middle_of_a_pass_are_told_once);
	tcase_add_loop_test(
		middle, each_key_is_told_of_once_though_others_leave_in_the_middle, 0, 2);
	tcase_add_test(middle, scan_ends_when_all_that_was_left_is_gone);
	suite_add_tcase(suite, middle);
	tcase_add_checked_fixture(turns, set_up_turns, tear_down);
	tcase_add_test(turns, scans_come_to_each_key_in_its_turn);
	tcase_add_test(turns, scans_keep_within_the_budget);
	tcase_add_loop_test(turns, keys_that_leave_between_turns_cost_no_other_its_turn, 0, 2);
	suite_add_tcase(suite, turns);
	return run_suite(suite);
}
