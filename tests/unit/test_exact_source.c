/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bridge with a source that reports each change, who made it, and each end. The bridge
 * posts exactly what such a source reports, takes no snapshots, and makes nothing up when
 * events are lost or the source ends. The source belongs to this program; the keys are real.
 */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "bridge.h"
#include "keys/describe.h"
#include "keys/registry.h"
#include "keys/sessions.h"
#include "run.h"
#include "sources/choice.h"

/* ---- the sources ---- */

static struct {
	struct wq_source source;
	struct wq_source_env env;
	bool can_start, lives;
	int drained;	  /* the result of drain() */
	bool is_behind;	  /* drain() reads less than there is */
	int watch_result; /* the result of watch() */
	unsigned int starts;
	int32_t watched[64];
	unsigned int n;
	void (*on_watch)(int32_t serial);
	bool tells_found_ends; /* of a key that was found to be gone it tells the end, late */
	int32_t found, found_told; /* such a key, and what was told of it; or 0 */
} exact;

/* A source of operations that reports none. */
static struct wq_source operations;
static bool can_start_operations;
static struct wq_event_order *events;

static bool is_watched(int32_t serial)
{
	for (unsigned int i = 0; i < exact.n; i++)
		if (exact.watched[i] == serial)
			return true;
	return false;
}

static int exact_watch(struct wq_source *source WQ_UNUSED, int32_t serial)
{
	if (exact.watch_result < 0)
		return exact.watch_result;
	ck_assert(!is_watched(serial));
	ck_assert_uint_lt(exact.n, ARRAY_SIZE(exact.watched));
	exact.watched[exact.n++] = serial;
	if (exact.on_watch)
		exact.on_watch(serial);
	return 0;
}

static void exact_unwatch(struct wq_source *source WQ_UNUSED, int32_t serial)
{
	for (unsigned int i = 0; i < exact.n; i++)
		if (exact.watched[i] == serial)
			exact.watched[i--] = exact.watched[--exact.n];
}

static struct wq_source *exact_start(const struct wq_source_env *env, char *why, size_t size);

static void tell_end(int32_t serial);

static int exact_drain(struct wq_source *source WQ_UNUSED)
{
	if (exact.found && exact.found_told != exact.found)
		tell_end(exact.found_told = exact.found);
	if (!exact.is_behind)
		wq_event_order_complete(events, wq_now_ns());
	return exact.drained;
}

static bool exact_alive(struct wq_source *source WQ_UNUSED)
{
	return exact.lives;
}

static void exact_stop(struct wq_source *source WQ_UNUSED)
{
	exact.n = 0;
}

static const struct wq_source_type exact_type = {
	.name = "exact",
	.capabilities = WQ_SOURCE_CHANGES | WQ_SOURCE_ENDS | WQ_SOURCE_IDENTITY,
	.start = exact_start,
	.watch = exact_watch,
	.unwatch = exact_unwatch,
	.drain = exact_drain,
	.alive = exact_alive,
	.stop = exact_stop,
};

static struct wq_source *exact_start(const struct wq_source_env *env, char *why, size_t size)
{
	exact.starts++;
	if (!exact.can_start) {
		snprintf(why, size, "not now");
		return NULL;
	}
	exact.source.type = &exact_type;
	exact.env = *env;
	events = env->events;
	exact.lives = true;
	exact.drained = 0;
	return &exact.source;
}

static int operations_drain(struct wq_source *source WQ_UNUSED)
{
	wq_event_order_complete(events, wq_now_ns());
	return 0;
}

static bool operations_alive(struct wq_source *source WQ_UNUSED)
{
	return true;
}

static void operations_stop(struct wq_source *source WQ_UNUSED)
{
}

static struct wq_source *operations_start(
	const struct wq_source_env *env, char *why, size_t size);

static const struct wq_source_type operations_type = {
	.name = "operations",
	.capabilities = WQ_SOURCE_OPERATIONS,
	.start = operations_start,
	.drain = operations_drain,
	.alive = operations_alive,
	.stop = operations_stop,
};

static struct wq_source *operations_start(
	const struct wq_source_env *env, char *why, size_t size)
{
	if (!can_start_operations) {
		snprintf(why, size, "not now");
		return NULL;
	}
	operations.type = &operations_type;
	events = env->events;
	return &operations;
}

/* Replaces the list of real sources. */
const struct wq_source_type *const *__wrap_wq_source_choose(const char *name);
const struct wq_source_type *const *__wrap_wq_source_choose(const char *name WQ_UNUSED)
{
	static const struct wq_source_type *const types[] = {
		&exact_type, &operations_type, NULL};

	return types;
}

static bool no_sessions;

__typeof__(wq_sessions_new) __real_wq_sessions_new, __wrap_wq_sessions_new;
struct wq_sessions *__wrap_wq_sessions_new(void)
{
	return no_sessions ? NULL : __real_wq_sessions_new();
}

/* ---- what the bridge finds ---- */

__typeof__(wq_registry_make_zombie) __real_wq_registry_make_zombie,
	__wrap_wq_registry_make_zombie;
void __wrap_wq_registry_make_zombie(struct wq_registry *registry, struct wq_key *key)
{
	if (exact.tells_found_ends)
		exact.found = key->serial;
	__real_wq_registry_make_zombie(registry, key);
}

/* ---- what it tells ---- */

static const struct wq_cred ann = {.pid = 7, .uid = 1001, .gid = 100, .comm = "ann"};
static const struct wq_cred nobody;

static void tell(int32_t serial, unsigned int subtype, uint32_t aux, const struct wq_cred *who)
{
	const struct wq_change change = {.serial = serial,
		.subtype = (uint8_t)subtype,
		.aux = aux,
		.who = *who,
		.at_ns = wq_now_ns()};

	wq_event_order_change(events, &change);
}

static void tell_end(int32_t serial)
{
	wq_event_order_destroyed(events, &(struct wq_destroyed){serial, wq_now_ns()});
}

/* On a busy machine one slice of time may not be enough. */
static void ready(void)
{
	do
		exact.env.sink.ready(exact.env.sink.arg);
	while (wq_event_order_behind(events));
}

/* ---- what is told of it ---- */

static int32_t key_a, key_b, ring;

static void add_name(char *to, size_t size, uint32_t serial)
{
	if (serial == (uint32_t)key_a || serial == (uint32_t)key_b)
		snprintf(to, size, "%c", serial == (uint32_t)key_a ? 'a' : 'b');
	else if (serial == (uint32_t)ring)
		snprintf(to, size, "ring");
	else
		snprintf(to, size, "%u", serial);
}

/* "KEY SUBTYPE AUX by PID", "KEY gone" or "loss". */
static size_t describe_record(const struct wq_record *r, char *to, size_t size)
{
	struct key_notification n = {0};
	char key[16], aux[16];

	if (!r)
		return (size_t)snprintf(to, size, "loss");
	memcpy(&n, r->data, r->len < sizeof(n) ? r->len : sizeof(n));
	add_name(key, sizeof(key), n.key_id);
	add_name(aux, sizeof(aux), n.aux);
	if (n.watch.type == WATCH_TYPE_META)
		return (size_t)snprintf(to, size, "%s gone", key);
	return (size_t)snprintf(
		to, size, "%s %d %s by %d", key, (int)n.watch.subtype, aux, (int)r->who.pid);
}

/* Takes all records. Static. */
static const char *got(void)
{
	static char text[4096];
	unsigned char buf[WQFS_RECORD_MAX + 1];
	struct wq_record r;
	struct wq_take take;
	size_t n = 0;

	text[0] = '\0';
	while (wq_queue_peek_first(queue, WQFS_FORMAT_RAW, buf, sizeof(buf), &take, &r) > 0) {
		if (n)
			text[n++] = ' ', text[n++] = '|', text[n++] = ' ';
		n += describe_record(r.len ? &r : NULL, text + n, sizeof(text) - n);
		wq_queue_consume(queue, &take);
	}
	return text;
}

/* ---- tests ---- */

static void begin_with(unsigned int resync_s)
{
	const struct wq_keys_config config = {.pace.cpu_budget = 0.01,
		.pace.poll_min_ms = 10,
		.pace.poll_max_ms = 1000,
		.pace.resync_s = resync_s,
		.source = "auto"};

	memset(&exact, 0, sizeof(exact));
	exact.can_start = true;
	can_start_operations = false;
	ck_assert_int_gt(keyctl_join_session_keyring(NULL), 0);
	begin(&config);
	key_a = add("wqfs-test:a");
	key_b = add("wqfs-test:b");
	ring = add_ring("wqfs-test:ring");
}

static void begin_exact(void)
{
	begin_with(0);
}

/* Keys are compared, too; not by itself in the time of a test. */
static void begin_compared(void)
{
	begin_with(3600);
}

/* The source dies: runs the loop until the bridge has noticed, and has scanned. */
static void die(void)
{
	exact.lives = exact.can_start = false;
	exact.drained = -EIO;
	ready();
	scan_all();
}

START_TEST(changes_are_posted_in_their_order_with_who_made_them)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(ring), 0);
	tell(key_a, NOTIFY_KEY_UPDATED, 0, &ann);
	tell(ring, NOTIFY_KEY_LINKED, (uint32_t)key_b, &nobody);
	tell(ring, NOTIFY_KEY_LINKED, (uint32_t)key_b, &ann);
	tell(key_a, NOTIFY_KEY_REVOKED, 0, &ann);
	tell(key_a, NOTIFY_KEY_INSTANTIATED, 126, &ann);
	ready();
	ck_assert_str_eq(got(), "a 1 0 by 7 | ring 2 b by 0 | ring 2 b by 7 | a 5 0 by 7 | "
				"a 0 126 by 7");
}
END_TEST

START_TEST(nothing_is_compared)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(ring), 0);
	ck_assert_int_eq(keyctl_update(key_a, "2", 1), 0);
	ck_assert_int_eq(keyctl_link(key_b, ring), 0);
	ck_assert_int_eq(keyctl_setperm(key_a, KEY_POS_ALL | KEY_USR_VIEW), 0);
	scan_all();
	scan_all();
	ck_assert_str_eq(got(), "");
}
END_TEST

START_TEST(an_end_is_told_in_its_place)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(key_b), 0);
	tell(key_a, NOTIFY_KEY_UPDATED, 0, &ann);
	tell_end(key_a);
	tell(key_a, NOTIFY_KEY_UPDATED, 0, &ann); /* another key that got its number */
	tell(key_b, NOTIFY_KEY_UPDATED, 0, &ann);
	ready();
	ck_assert_str_eq(got(), "a 1 0 by 7 | a gone | b 1 0 by 7");
	ck_assert(!is_watched(key_a));
	ck_assert(is_watched(key_b));
}
END_TEST

START_TEST(ends_are_not_scanned_for)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(keyctl_revoke(key_a), 0);
	tell(key_a, NOTIFY_KEY_REVOKED, 0, &ann);
	ready();
	ck_assert_int_eq(keyctl_unlink(key_a, KEY_SPEC_SESSION_KEYRING), 0);
	while (keyctl_unlink(key_a, KEY_SPEC_SESSION_KEYRING) == 0 || errno != ENOKEY)
		scan_all();
	scan_all();
	ck_assert_str_eq(got(), "a 5 0 by 7");
	tell_end(key_a);
	ready();
	ck_assert_str_eq(got(), "a gone");
}
END_TEST

START_TEST(what_nobody_watches_is_ignored)
{
	ck_assert_int_eq(watch(key_a), 0);
	tell(key_b, NOTIFY_KEY_UPDATED, 0, &ann);
	tell_end(key_b);
	tell(0, NOTIFY_KEY_UPDATED, 0, &ann);
	tell(-3, NOTIFY_KEY_UPDATED, 0, &ann);
	tell_end(0);
	ready();
	ck_assert_str_eq(got(), "");
}
END_TEST

START_TEST(what_was_done_before_a_watch_is_not_for_it)
{
	tell(key_a, NOTIFY_KEY_UPDATED, 0, &ann);
	tell_end(key_a);
	ck_assert_int_eq(watch(key_a), 0);
	ready();
	ck_assert_str_eq(got(), "");
}
END_TEST

START_TEST(the_source_is_asked_to_watch_by_the_first_and_no_longer_by_the_last)
{
	struct wq_queue *other = wq_queue_new(&bridge_ops, NULL, NULL);

	ck_assert_int_eq(watch(key_a), 0);
	ck_assert(is_watched(key_a));
	ck_assert_int_eq(wq_keys_watch(keys, other, key_a, ID, &self), 0);
	ck_assert_uint_eq(exact.n, 1);
	ck_assert_int_eq(wq_keys_watch(keys, queue, key_a, -1, &self), 0);
	ck_assert(is_watched(key_a));
	wq_queue_put(other);
	ck_assert_uint_eq(exact.n, 0);
}
END_TEST

START_TEST(a_source_without_room_refuses_the_watch)
{
	exact.watch_result = -ENOSPC;
	ck_assert_int_eq(watch(key_a), -ENOSPC);
	exact.watch_result = 0;
	ck_assert_int_eq(watch(key_a), 0);
	tell(key_a, NOTIFY_KEY_UPDATED, 0, &ann);
	ready();
	ck_assert_str_eq(got(), "a 1 0 by 7");
}
END_TEST

/* Ends SERIAL, and waits until the kernel has no key of that number. */
static void end_key(int32_t serial)
{
	ck_assert_int_eq(keyctl_unlink(serial, KEY_SPEC_SESSION_KEYRING), 0);
	while (keyctl_unlink(serial, KEY_SPEC_SESSION_KEYRING) == 0 || errno != ENOKEY)
		;
}

START_TEST(a_key_that_ends_before_the_source_knows_it_is_not_watched)
{
	exact.on_watch = end_key;
	ck_assert_int_eq(watch(key_a), -ENOKEY);
	ck_assert_uint_eq(exact.n, 0);
	ck_assert_str_eq(got(), "");
}
END_TEST

START_TEST(after_a_loss_the_ends_that_were_not_told_are_found)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(key_b), 0);
	ck_assert_int_eq(keyctl_update(key_b, "2", 1), 0);
	end_key(key_a);
	tell(key_b, NOTIFY_KEY_UPDATED, 0, &ann);
	wq_event_order_lose(events, wq_now_ns(), WQ_LOST_OVERFLOW);
	ready();
	ck_assert_str_eq(got(), "loss");
	for (const char *text = ""; !*text; text = got()) {
		ck_assert_int_eq(wq_loop_run(loop), 0);
		ck_assert(!*text);
	}
	tell(key_b, NOTIFY_KEY_UPDATED, 0, &ann);
	ready();
	ck_assert_str_eq(got(), "b 1 0 by 7");
}
END_TEST

/* Changes all of them without a report. */
static void change_all(void)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(key_b), 0);
	ck_assert_int_eq(watch(ring), 0);
	ck_assert_int_eq(keyctl_update(key_a, "2", 1), 0);
	ck_assert_int_eq(keyctl_setperm(key_a, KEY_POS_ALL | KEY_USR_VIEW), 0);
	ck_assert_int_eq(keyctl_link(key_a, ring), 0);
	end_key(key_b);
}

START_TEST(when_it_dies_and_keys_are_polled_no_difference_is_made_up)
{
	change_all();
	die();
	ck_assert(!strncmp(wq_keys_source_text(keys), "poll", 4));
	ck_assert_str_eq(got(), "loss | b gone");
	ck_assert_int_eq(keyctl_update(key_a, "3", 1), 0);
	ck_assert_int_eq(keyctl_unlink(key_a, ring), 0);
	scan_all();
	ck_assert_str_eq(got(), "a 1 0 by 0 | ring 3 a by 0");
}
END_TEST

/* The source of operations reports that of process 1. */
static void tell_operation(uint32_t op, int32_t arg0, int32_t arg1, int32_t result)
{
	const uint64_t now = wq_now_ns();
	const int32_t arg[WQ_OP_ARGS] = {arg0, arg1};

	wq_event_order_begin(events, now, 1, 0, op, arg);
	wq_event_order_end(events, now, 1, 0, result);
}

START_TEST(when_it_dies_and_operations_are_told_no_difference_is_made_up)
{
	change_all();
	can_start_operations = true;
	exact.lives = exact.can_start = false;
	scan_all();
	ck_assert(!strncmp(wq_keys_source_text(keys), "operations,", 11));
	ck_assert_str_eq(got(), "loss | b gone");
	ck_assert_int_eq(keyctl_unlink(key_a, ring), 0);
	tell_operation(KEYCTL_UNLINK, key_a, ring, 0);
	scan_all();
	scan_all();
	ck_assert_str_eq(got(), "ring 3 a by 1");
}
END_TEST

START_TEST(what_is_told_before_the_first_snapshot_is_told_once)
{
	struct wanted_scan l;

	change_all();
	can_start_operations = true;
	exact.lives = exact.can_start = false;
	scan_begin(&l); /* operations are reported now; the snapshots are still to be taken */
	ck_assert_int_eq(keyctl_unlink(key_a, ring), 0);
	ck_assert_int_eq(keyctl_update(key_a, "3", 1), 0);
	tell_operation(KEYCTL_UNLINK, key_a, ring, 0);
	tell_operation(KEYCTL_UPDATE, key_a, 0, 0);
	scan_end(&l);
	scan_all();
	scan_all();
	ck_assert_str_eq(got(), "loss | ring 3 a by 1 | a 1 0 by 1 | b gone");
}
END_TEST

START_TEST(when_it_comes_back_to_polled_keys_they_are_told_a_loss)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(ring), 0);
	die();
	ck_assert_str_eq(got(), "loss");
	exact.can_start = true;
	ck_assert_int_eq(keyctl_link(key_b, ring), 0);
	while (!strncmp(wq_keys_source_text(keys), "poll", 4)) {
		wq_loop_run(loop);
		ck_assert_str_ne(got(), "");
	}
	ck_assert(is_watched(key_a) && is_watched(ring));
	tell(key_a, NOTIFY_KEY_UPDATED, 0, &ann);
	ready();
	scan_all();
	ck_assert_str_eq(got(), "a 1 0 by 7");
}
END_TEST

static void come_back(void)
{
	exact.can_start = true;
	while (!strncmp(wq_keys_source_text(keys), "poll", 4))
		wq_loop_run(loop);
	got();
}

/* Snapshots from before it was put into use, and what was noted about them, no longer count. */
START_TEST(keys_that_were_polled_before_it_are_no_differences_after_it)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(ring), 0);
	die();
	scan_all();
	come_back();
	ck_assert_int_eq(keyctl_link(key_b, ring), 0);
	ck_assert_int_eq(keyctl_update(key_a, "2", 1), 0);
	ck_assert_int_eq(keyctl_set_timeout(key_a, 1000), 0);
	die();
	ck_assert_str_eq(got(), "loss");
	scan_all();
	ck_assert_str_eq(got(), "");
	ck_assert_int_eq(keyctl_unlink(key_b, ring), 0);
	ck_assert_int_eq(keyctl_set_timeout(key_a, 2000), 0);
	scan_all();
	ck_assert_str_eq(got(), "a 7 0 by 0 | ring 3 b by 0");
}
END_TEST

static bool describe(const struct wq_watch *watch, void *arg)
{
	const struct wq_caller stranger = {
		.uid = 12345, .gid = 12345, .in_group = bridge_in_no_group};

	wq_describe_watch(watch, &stranger, arg);
	return false;
}

/* Is the only watch described to somebody who has no right but that of others? */
static bool others_may_view(void)
{
	char line[256] = "";
	FILE *f = fmemopen(line, sizeof(line), "w");

	ck_assert_ptr_nonnull(f);
	wq_queue_each_watch(queue, describe, f);
	fclose(f);
	return !strstr(line, "it does not grant you View");
}

/* The first change of its attributes that the source tells is known, too. */
START_TEST(attributes_of_keys_that_were_polled_before_it_are_known)
{
	ck_assert_int_eq(watch(key_a), 0);
	die();
	scan_all();
	come_back();
	ck_assert(!others_may_view());
	ck_assert_int_eq(keyctl_setperm(key_a, KEY_POS_ALL | KEY_USR_ALL | KEY_OTH_VIEW), 0);
	tell(key_a, NOTIFY_KEY_SETATTR, 0, &ann);
	ready();
	while (!others_may_view())
		scan_all();
}
END_TEST

/* Before the REMOVAL of a key that was found to be gone all is handled that was done before,
 * and there its end may be told after all. */
START_TEST(an_end_that_is_told_when_it_was_found_is_told_once)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(key_b), 0);
	exact.tells_found_ends = true;
	end_key(key_a);
	wq_event_order_lose(events, wq_now_ns(), WQ_LOST_OVERFLOW);
	ready();
	ck_assert_str_eq(got(), "loss");
	while (exact.found_told != key_a)
		ck_assert_int_eq(wq_loop_run(loop), 0);
	scan_all();
	ck_assert_str_eq(got(), "a gone");
	tell(key_b, NOTIFY_KEY_UPDATED, 0, &ann);
	ready();
	ck_assert_str_eq(got(), "b 1 0 by 7");
}
END_TEST

START_TEST(it_may_end_while_keys_are_asked_whether_they_are_there)
{
	char name[32];

	for (int i = 0; i < 48; i++) {
		snprintf(name, sizeof(name), "wqfs-test:%d", i);
		ck_assert_int_eq(watch(add(name)), 0);
	}
	wq_event_order_lose(events, wq_now_ns(), WQ_LOST_OVERFLOW);
	ready(); /* it has begun to check; tear_down() ends the rest */
}
END_TEST

static struct wq_timer looking;

static void look_whether_it_started(struct wq_timer *timer)
{
	if (exact.starts > 1)
		wq_loop_stop(loop);
	else
		wq_timer_set(loop, timer, wq_now_ns() + WQ_NSEC_PER_MSEC);
}

/* A scan that nobody's watch needs finds out that it has died. */
START_TEST(it_is_started_anew_though_nobody_watches)
{
	struct wanted_scan l;

	exact.drained = -EIO;
	scan_begin(&l);
	scan_end(&l);
	looking.fire = look_whether_it_started;
	wq_timer_set(loop, &looking, 0);
	while (exact.starts < 2)
		ck_assert_int_eq(wq_loop_run(loop), 0);
	wq_timer_clear(loop, &looking);
}
END_TEST

static int looks_left;

/* The scan that has found it has come to its end some looks later. */
static void look_whether_it_was_found(struct wq_timer *timer)
{
	if (exact.found && looks_left-- == 0)
		wq_loop_stop(loop);
	else
		wq_timer_set(loop, timer, wq_now_ns() + WQ_NSEC_PER_MSEC);
}

/* A sync waits for the REMOVAL of a key whose end its scan has found, until nobody watches that
 * key any more. */
START_TEST(a_sync_does_not_wait_for_a_key_that_nobody_watches_any_more)
{
	struct wq_queue *other = wq_queue_new(&bridge_ops, NULL, NULL);
	struct wanted_scan l;

	ck_assert_int_eq(wq_keys_watch(keys, other, key_a, ID, &self), 0);
	ck_assert_int_eq(watch(key_b), 0);
	exact.tells_found_ends = true;
	exact.found_told = key_a; /* it will not be told */
	exact.is_behind = true;
	end_key(key_a);
	scan_begin(&l);
	looking.fire = look_whether_it_was_found;
	looks_left = 100;
	wq_timer_set(loop, &looking, 0);
	while (looks_left >= 0)
		ck_assert_int_eq(wq_loop_run(loop), 0);
	wq_timer_clear(loop, &looking);
	ck_assert(!l.done);
	wq_queue_put(other);
	exact.is_behind = false;
	scan_end(&l);
}
END_TEST

START_TEST(without_memory_for_sessions_there_is_no_bridge)
{
	const struct wq_keys_config config = {.pace.cpu_budget = 0.01, .source = "auto"};
	char why[256];

	no_sessions = true;
	ck_assert_ptr_null(wq_keys_new(&config, loop, why, sizeof(why)));
	ck_assert_str_eq(why, "out of memory");
	no_sessions = false;
}
END_TEST

START_TEST(its_words_name_it)
{
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_str_eq(wq_keys_source_text(keys), "exact");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exact source");
	TCase *t = tcase_create("exact source");

	if (!have_keys(true))
		return 77;
	tcase_add_checked_fixture(t, begin_exact, tear_down);
	tcase_add_test(t, changes_are_posted_in_their_order_with_who_made_them);
	tcase_add_test(t, nothing_is_compared);
	tcase_add_test(t, an_end_is_told_in_its_place);
	tcase_add_test(t, ends_are_not_scanned_for);
	tcase_add_test(t, what_nobody_watches_is_ignored);
	tcase_add_test(t, what_was_done_before_a_watch_is_not_for_it);
	tcase_add_test(t, the_source_is_asked_to_watch_by_the_first_and_no_longer_by_the_last);
	tcase_add_test(t, a_source_without_room_refuses_the_watch);
	tcase_add_test(t, a_key_that_ends_before_the_source_knows_it_is_not_watched);
	tcase_add_test(t, after_a_loss_the_ends_that_were_not_told_are_found);
	tcase_add_test(t, when_it_dies_and_keys_are_polled_no_difference_is_made_up);
	tcase_add_test(t, when_it_dies_and_operations_are_told_no_difference_is_made_up);
	tcase_add_test(t, what_is_told_before_the_first_snapshot_is_told_once);
	tcase_add_test(t, when_it_comes_back_to_polled_keys_they_are_told_a_loss);
	tcase_add_test(t, keys_that_were_polled_before_it_are_no_differences_after_it);
	tcase_add_test(t, attributes_of_keys_that_were_polled_before_it_are_known);
	tcase_add_test(t, an_end_that_is_told_when_it_was_found_is_told_once);
	tcase_add_test(t, it_may_end_while_keys_are_asked_whether_they_are_there);
	tcase_add_test(t, it_is_started_anew_though_nobody_watches);
	tcase_add_test(t, without_memory_for_sessions_there_is_no_bridge);
	tcase_add_test(t, its_words_name_it);
	suite_add_tcase(suite, t);
	t = tcase_create("compared, too");
	tcase_add_checked_fixture(t, begin_compared, tear_down);
	tcase_add_test(t, a_sync_does_not_wait_for_a_key_that_nobody_watches_any_more);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
