/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who pays for the children that read filters in users' memory. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/user_mem.h"
#include "run.h"

#define USER	1000u
#define ANOTHER 1001u
#define MANY	3
#define MAPPED	100000u /* the first of the uids that a user maps */

static const struct wqfs_filter filter = {
	.nr_filters = 1,
	.filters = {{.type = WATCH_TYPE_KEY_NOTIFY, .subtype_filter = {~0u}}},
};

static struct wq_loop *loop;
static struct wq_user_mem_pool pool;
static struct wq_user_mem reads[MANY];
static unsigned int n_done, stop_at;

static void set_up(void)
{
	loop = wq_loop_new();
	wq_user_mem_init(&pool, loop);
	n_done = 0;
}

static void tear_down(void)
{
	wq_user_mem_fini(&pool);
	wq_loop_free(loop);
}

static void done(struct wq_user_mem *mem, int err)
{
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(mem->raw->nr_filters, 1);
	if (++n_done == stop_at)
		wq_loop_stop(loop);
}

static void start(struct wq_user_mem *mem, uid_t uid)
{
	mem->done = done;
	ck_assert_int_eq(wq_user_mem_start(&pool, mem, getpid(), uid, (uintptr_t)&filter), 0);
}

static void wait_for(unsigned int n)
{
	stop_at = n;
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_uint_eq(n_done, n);
}

static void use_up(uid_t uid)
{
	ck_assert(wq_shares_left(&pool.shares, uid, wq_now_ns()));
	wq_shares_spend(&pool.shares, uid, WQ_BUDGET_NS);
}

START_TEST(a_read_costs_its_user_time)
{
	const struct wq_share *share;

	start(&reads[0], USER);
	ck_assert_ptr_nonnull(reads[0].child);
	wait_for(1);
	ck_assert_uint_gt(pool.shares.all.used_ns, 0);
	share = pool.shares.share;
	while (!share->used)
		share++;
	ck_assert_uint_eq(share->uid, USER);
	ck_assert_uint_eq(share->budget.used_ns, pool.shares.all.used_ns);
}
END_TEST

/* Has the share that was used up before BEGAN_NS not come back yet? On a busy machine it may.
 */
static bool is_used_up(uint64_t began_ns)
{
	return wq_now_ns() - began_ns < WQ_BUDGET_WINDOW_NS;
}

START_TEST(who_has_used_up_the_share_waits_and_nobody_else)
{
	const uint64_t began = wq_now_ns();
	bool both_wait;

	use_up(USER);
	start(&reads[0], USER);
	start(&reads[1], USER);
	start(&reads[2], ANOTHER);
	both_wait = !reads[0].child && !reads[1].child;
	ck_assert(both_wait || !is_used_up(began));
	ck_assert_ptr_nonnull(reads[2].child);
	wait_for(3);
	ck_assert(!both_wait || !is_used_up(began));
}
END_TEST

/* The time passes for which others may wait for a child. */
START_TEST(who_waits_for_time_waits_until_there_is_some)
{
	const uint64_t began = wq_now_ns();

	use_up(USER);
	start(&reads[0], USER);
	if (!reads[0].child) {
		reads[0].timeout.fire(&reads[0].timeout);
		ck_assert_uint_eq(n_done, 0);
	}
	ck_assert(!reads[0].child || !is_used_up(began));
	wait_for(1);
}
END_TEST

static bool children_stop;

static void stop_child(void)
{
	if (children_stop)
		raise(SIGSTOP);
}

/* Stops the loop as soon as all reads have a child. */
static void look_for_children(struct wq_timer *timer)
{
	for (unsigned int i = 0; i < MANY; i++)
		if (!reads[i].child) {
			wq_timer_set(loop, timer, wq_now_ns() + WQ_NSEC_PER_MSEC);
			return;
		}
	wq_loop_stop(loop);
}

/* None of the children ends, so that no end of one can be what starts the next. */
START_TEST(all_who_wait_for_time_begin_when_there_is_some)
{
	struct wq_timer timer = {.fire = look_for_children};

	ck_assert_int_eq(pthread_atfork(NULL, NULL, stop_child), 0);
	children_stop = true;
	use_up(USER);
	for (unsigned int i = 0; i < MANY; i++)
		start(&reads[i], USER);
	wq_timer_set(loop, &timer, wq_now_ns());
	ck_assert_int_eq(wq_loop_run(loop), 0);
	for (unsigned int i = 0; i < MANY; i++)
		wq_user_mem_cancel(&reads[i]);
	ck_assert_uint_eq(n_done, 0);
}
END_TEST

/* Starts as many reads of UIDS uids from FIRST on as each may have. Returns how many began. */
static unsigned int begin_all(struct wq_user_mem *mem, uid_t first, unsigned int uids)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < uids * WQ_USER_MEM_PER_USER; i++) {
		/* how long it takes to fork is not what is tested */
		memset(&pool.shares, 0, sizeof(pool.shares));
		start(&mem[i], first + i / WQ_USER_MEM_PER_USER);
		n += mem[i].child != NULL;
	}
	return n;
}

/* Who has many uids leaves children for those who log in. */
START_TEST(many_uids_of_one_user_do_not_take_all_children)
{
	static struct wq_user_mem mapped[WQ_USER_MEM_MAX], others[WQ_USER_MEM_PER_USER];

	ck_assert_int_eq(pthread_atfork(NULL, NULL, stop_child), 0);
	children_stop = true;
	ck_assert_uint_eq(begin_all(mapped, MAPPED, WQ_USER_MEM_MAX / WQ_USER_MEM_PER_USER),
		WQ_USER_MEM_MAPPED);
	ck_assert_uint_eq(begin_all(others, USER, 1), WQ_USER_MEM_PER_USER);
	for (unsigned int i = 0; i < WQ_USER_MEM_MAX; i++)
		wq_user_mem_cancel(&mapped[i]);
	for (unsigned int i = 0; i < WQ_USER_MEM_PER_USER; i++)
		wq_user_mem_cancel(&others[i]);
}
END_TEST

/* On a busy machine a child may get no processor for as long as a read may take. */
START_TEST(a_child_that_has_not_begun_is_waited_for)
{
	siginfo_t child;

	ck_assert_int_eq(pthread_atfork(NULL, NULL, stop_child), 0);
	children_stop = true;
	start(&reads[0], USER);
	ck_assert_int_eq(waitid(P_ALL, 0, &child, WSTOPPED), 0);
	reads[0].timeout.fire(&reads[0].timeout);
	ck_assert_uint_eq(n_done, 0);
	ck_assert_int_eq(kill(child.si_pid, SIGCONT), 0);
	wait_for(1);
}
END_TEST

/* An emulator of a processor may not. */
static bool can_read_memory(void)
{
	char from = 0, to;
	struct iovec local = {&to, 1}, remote = {&from, 1};

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

int main(void)
{
	Suite *suite;
	TCase *c;

	if (!can_read_memory()) {
		printf("SKIP: process_vm_readv() fails: %s\n", strerror(errno));
		return 77;
	}
	suite = suite_create("user_mem");
	c = tcase_create("user_mem");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_read_costs_its_user_time);
	tcase_add_test(c, who_has_used_up_the_share_waits_and_nobody_else);
	tcase_add_test(c, who_waits_for_time_waits_until_there_is_some);
	tcase_add_test(c, all_who_wait_for_time_begin_when_there_is_some);
	tcase_add_test(c, many_uids_of_one_user_do_not_take_all_children);
	tcase_add_test(c, a_child_that_has_not_begun_is_waited_for);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
