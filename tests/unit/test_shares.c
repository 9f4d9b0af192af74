/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user pays for the work that is done for that user. */
#include <check.h>
#include <string.h>

#include "base/shares.h"
#include "run.h"

#define NOW (7ull * WQ_BUDGET_WINDOW_NS)

static struct wq_shares shares;

static void set_up(void)
{
	memset(&shares, 0, sizeof(shares));
}

static void use_up(uid_t uid, uint64_t now)
{
	ck_assert(wq_shares_left(&shares, uid, now));
	wq_shares_spend(&shares, uid, WQ_BUDGET_NS);
	ck_assert(!wq_shares_left(&shares, uid, now));
}

START_TEST(who_has_used_up_its_share_takes_nothing_of_anothers)
{
	use_up(1000, NOW);
	ck_assert(wq_shares_left(&shares, 1001, NOW));
	ck_assert(wq_shares_left(&shares, 0, NOW));
}
END_TEST

START_TEST(share_comes_back_when_its_window_is_over)
{
	use_up(1000, NOW);
	ck_assert(!wq_shares_left(&shares, 1000, NOW + WQ_BUDGET_WINDOW_NS));
	ck_assert(wq_shares_left(&shares, 1000, NOW + WQ_BUDGET_WINDOW_NS + 1));
}
END_TEST

START_TEST(who_has_many_uids_has_a_few_shares_at_most)
{
	unsigned int n = 0;

	for (uid_t uid = 100000; wq_shares_left(&shares, uid, NOW); uid++, n++)
		wq_shares_spend(&shares, uid, WQ_BUDGET_NS);
	ck_assert_uint_eq(n, WQ_SHARES_ALL_NS / WQ_BUDGET_NS);
}
END_TEST

/* Users without a place share one share. */
START_TEST(users_without_number_are_remembered_in_a_bounded_room)
{
	for (uid_t uid = 0; uid < 1000; uid++)
		ck_assert(wq_shares_left(&shares, uid, NOW));
	for (uid_t uid = 0; uid < 1000; uid++)
		wq_shares_spend(&shares, uid, 1);
	ck_assert_uint_gt(shares.others.used_ns, 0);
	ck_assert_uint_eq(shares.all.used_ns, 1000);
	/* each window makes room for other users */
	use_up(5000, NOW + WQ_BUDGET_WINDOW_NS + 1);
	ck_assert_uint_eq(shares.others.used_ns, 1000 - WQ_SHARES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shares");
	TCase *tc = tcase_create("shares");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, who_has_used_up_its_share_takes_nothing_of_anothers);
	tcase_add_test(tc, share_comes_back_when_its_window_is_over);
	tcase_add_test(tc, who_has_many_uids_has_a_few_shares_at_most);
	tcase_add_test(tc, users_without_number_are_remembered_in_a_bounded_room);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
