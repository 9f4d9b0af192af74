/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a scan is due, and when a thorough one. */
#include "keys/scan.h"
#include "run.h"

#define SECOND 1000000000ull

static const struct wq_source_type operations = {.capabilities = WQ_SOURCE_OPERATIONS};
static const struct wq_source_type changes = {.capabilities = WQ_SOURCE_CHANGES};

static struct wq_source source;
static struct wq_model model;
static struct wq_compare compare;
static struct wq_gc_watch gc;
static struct wq_expiry_scan expiry;
static struct wq_scan scan;

static void set_up(void)
{
	source.type = &operations;
	model = (struct wq_model){
		.config = {.pace.cpu_budget = 0.01}, .sources.source = &source};
	model.loop = wq_loop_new();
	ck_assert_ptr_nonnull(model.loop);
	wq_registry_init(&model.registry);
	gc.model = &model;
	expiry = (struct wq_expiry_scan){0};
	wq_expiry_init(&expiry, &model, &gc);
	scan = (struct wq_scan){0};
	wq_scan_init(&scan, &model, &compare, &expiry);
}

static void tear_down(void)
{
	wq_scan_fini(&scan);
	wq_expiry_fini(&expiry);
	wq_registry_fini(&model.registry);
	wq_loop_free(model.loop);
}

START_TEST(a_resync_soon_after_the_boot_is_thorough_and_comes_once)
{
	wq_scan_resync(&scan);
	ck_assert(scan.timer.set);
	ck_assert(wq_scan_is_thorough(&scan, 5 * SECOND));
	wq_scan_begin(&scan, true);
	scan.resync_ns = 5 * SECOND; /* the machine has been up for only so long */
	ck_assert(!wq_scan_is_thorough(&scan, 6 * SECOND));
	while (!wq_scan_step(&scan, wq_now_ns()))
		;
	ck_assert(!wq_scan_is_thorough(&scan, 6 * SECOND));
	ck_assert(!wq_scan_is_thorough(&scan, 34 * SECOND));
	ck_assert(wq_scan_is_thorough(&scan, 35 * SECOND));
	model.config.pace.resync_s = 3600;
	ck_assert(!wq_scan_is_thorough(&scan, 3604 * SECOND));
	ck_assert(wq_scan_is_thorough(&scan, 3605 * SECOND));
}
END_TEST

/* A scan that took a second of CPU time ended ENDED_S seconds ago. */
static void scanned(uint64_t ended_s)
{
	wq_scan_begin(&scan, true);
	while (!wq_scan_step(&scan, wq_now_ns()))
		;
	scan.last_cost_ns = SECOND;
	scan.last_pass_ns = 0;
	scan.ended_ns = wq_now_ns() - ended_s * SECOND;
}

START_TEST(a_sync_waits_for_those_of_its_own_user_only)
{
	struct wq_keys_sync sync[] = {{.uid = 1000}, {.uid = 1000}, {.uid = 1001}};

	scanned(10);
	ck_assert(wq_scan_want(&scan, &sync[0]));
	scanned(1);
	ck_assert_ptr_eq(wq_scan_done(&scan), &sync[0]);
	ck_assert(!wq_scan_want(&scan, &sync[1]));
	ck_assert(wq_scan_want(&scan, &sync[2]));
	/* and then for no user: a scan serves all that wait */
	scanned(1);
	ck_assert_ptr_eq(wq_scan_done(&scan), &sync[1]);
	ck_assert_ptr_eq(wq_scan_done(&scan), &sync[2]);
}
END_TEST

START_TEST(what_is_compared_again_is_the_sources_to_say)
{
	ck_assert_uint_eq(wq_scan_resync_s(&scan), 30);
	source.type = &changes;
	ck_assert_uint_eq(wq_scan_resync_s(&scan), 0);
	model.config.pace.resync_s = 7;
	ck_assert_uint_eq(wq_scan_resync_s(&scan), 7);
	source.type = &operations;
	ck_assert_uint_eq(wq_scan_resync_s(&scan), 7);
	model.config.pace.resync_s = 0;
	model.sources.source = NULL;
	ck_assert_uint_eq(wq_scan_resync_s(&scan), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scan");
	TCase *t = tcase_create("scan");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_resync_soon_after_the_boot_is_thorough_and_comes_once);
	tcase_add_test(t, a_sync_waits_for_those_of_its_own_user_only);
	tcase_add_test(t, what_is_compared_again_is_the_sources_to_say);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
