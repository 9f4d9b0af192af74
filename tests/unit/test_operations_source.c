/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bridge with a source that reports operations, but not those of everybody: other
 * differences are found by snapshots. Some members of the keyring nobody may view, so that the
 * bridge does not know which of them a link displaces, or an unlink takes. The source belongs
 * to this program; the keys are real.
 */
#include <check.h>
#include <keyutils.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "bridge.h"
#include "run.h"
#include "sources/choice.h"

/* ---- the source ---- */

static struct wq_source_env environment;

static struct wq_source *start(
	const struct wq_source_env *env, char *why WQ_UNUSED, size_t size WQ_UNUSED);

static int drain(struct wq_source *source WQ_UNUSED)
{
	wq_event_order_complete(environment.events, wq_now_ns());
	return 0;
}

static bool alive(struct wq_source *source WQ_UNUSED)
{
	return true;
}

static void stop(struct wq_source *source WQ_UNUSED)
{
}

static const struct wq_source_type type = {
	.name = "operations",
	.capabilities = WQ_SOURCE_OPERATIONS,
	.start = start,
	.drain = drain,
	.alive = alive,
	.stop = stop,
};

static struct wq_source *start(
	const struct wq_source_env *env, char *why WQ_UNUSED, size_t size WQ_UNUSED)
{
	static struct wq_source source = {.type = &type};

	environment = *env;
	return &source;
}

/* Replaces the list of real sources. */
__typeof__(wq_source_choose) __wrap_wq_source_choose;
const struct wq_source_type *const *__wrap_wq_source_choose(const char *name WQ_UNUSED)
{
	static const struct wq_source_type *const types[] = {&type, NULL};

	return types;
}

/* ---- operations ---- */

struct deed {
	uint32_t op;
	int32_t key, ring;
	uint64_t begin_ns, end_ns;
};

static struct deed do_deed(uint32_t op, int32_t key, int32_t ring)
{
	struct deed d = {.op = op, .key = key, .ring = ring, .begin_ns = wq_now_ns()};

	ck_assert_int_eq(
		op == KEYCTL_LINK ? keyctl_link(key, ring) : keyctl_unlink(key, ring), 0);
	d.end_ns = wq_now_ns();
	return d;
}

static void tell(const struct deed *d)
{
	const int32_t arg[WQ_OP_ARGS] = {d->key, d->ring};

	wq_event_order_begin(environment.events, d->begin_ns, 1, 0, d->op, arg);
	wq_event_order_end(environment.events, d->end_ns, 1, 0, 0);
	do /* on a busy machine one slice of time may not be enough */
		environment.sink.ready(environment.sink.arg);
	while (wq_event_order_behind(environment.events));
}

/* ---- tests ---- */

static int32_t ring, member, other, namesake;

static int32_t add_to(int32_t into, const char *description)
{
	int32_t key = add_key("user", description, "1", 1, into);

	ck_assert_int_gt(key, 0);
	return key;
}

/* RING holds MEMBER and OTHER, which nobody may view; NAMESAKE could be either of them. */
static void set_up_members(void)
{
	const struct wq_keys_config config = {.pace.cpu_budget = 0.01,
		.pace.poll_min_ms = 10,
		.pace.poll_max_ms = 1000,
		.source = "auto",
		.pace.resync_s = 86400};
	const uint32_t unseen = KEY_POS_SEARCH | KEY_POS_LINK;

	ck_assert_int_gt(keyctl_join_session_keyring(NULL), 0);
	begin(&config);
	ring = add_ring("wqfs-test:ring");
	member = add("wqfs-test:member");
	other = add("wqfs-test:other");
	namesake = add_to(add_ring("wqfs-test:elsewhere"), "wqfs-test:member");
	ck_assert_int_eq(keyctl_setperm(member, unseen), 0);
	ck_assert_int_eq(keyctl_setperm(other, unseen), 0);
	ck_assert_int_eq(keyctl_link(member, ring), 0);
	ck_assert_int_eq(keyctl_link(other, ring), 0);
	ck_assert_int_eq(watch(ring), 0);
}

static const uint32_t deeds[] = {KEYCTL_LINK, KEYCTL_UNLINK};

START_TEST(what_takes_a_member_without_a_name_is_told_once)
{
	const struct deed d = do_deed(deeds[_i], namesake, ring);

	tell(&d);
	scan_all();
	ck_assert_str_eq(records(namesake, other), deeds[_i] == KEYCTL_LINK ? "2:A" : "3:A");
	do_deed(KEYCTL_UNLINK, other, ring); /* of which the source does not tell */
	scan_all();
	ck_assert_str_eq(records(namesake, other), "3:B");
}
END_TEST

/* A snapshot shows what it did before it is told, because the source is late. */
START_TEST(what_is_told_late_explains_no_later_difference)
{
	const struct deed d = do_deed(deeds[_i], namesake, ring);

	scan_all();
	tell(&d);
	(void)records(namesake, other);
	do_deed(KEYCTL_UNLINK, other, ring);
	scan_all();
	ck_assert_str_eq(records(namesake, other), "3:B");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("operations source");
	TCase *t = tcase_create("operations source");

	if (!have_keys(true))
		return 77;
	tcase_add_checked_fixture(t, set_up_members, tear_down);
	tcase_add_loop_test(
		t, what_takes_a_member_without_a_name_is_told_once, 0, ARRAY_SIZE(deeds));
	tcase_add_loop_test(
		t, what_is_told_late_explains_no_later_difference, 0, ARRAY_SIZE(deeds));
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
