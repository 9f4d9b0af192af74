/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which session keyring a thread has, from what is seen of it and its relatives. */
#include <check.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array_size.h"
#include "keys/sessions.h"
#include "run.h"

static struct wq_sessions *s;

/* In place of the C library's: how often is the kernel asked for a thread? */
static unsigned int asked;

int kill(pid_t pid, int sig)
{
	asked++;
	return (int)syscall(SYS_kill, pid, sig);
}

static void set_up(void)
{
	s = wq_sessions_new();
	ck_assert_ptr_nonnull(s);
}

static void tear_down(void)
{
	wq_sessions_free(s);
}

/* ---- what is seen, a letter each ---- */

struct seen {
	char what; /* j: TID joins N; t: TID is told N; f: TID forks N; b: TID begins; l: TID,
		      which is gone, gave its parent its session; !: all is forgotten; 0: the
		      end */
	int tid, n;
};

#define SEEN_MAX 8

static const struct {
	const char *says;
	struct seen seen[SEEN_MAX];
	int tid, session;
} cases[] = {
	{"nothing is known of who was not seen", {{0}}, 10, 0},
	{"a join", {{'j', 10, 1}}, 10, 1},
	{"the last join counts", {{'j', 10, 1}, {'j', 10, 2}}, 10, 2},
	{"a join of nobody knows what", {{'j', 10, 1}, {'j', 10, 0}}, 10, 0},
	{"what it was told", {{'t', 10, 1}}, 10, 1},
	{"what it was told last", {{'t', 10, 1}, {'t', 10, 2}}, 10, 2},
	{"a child's is its parent's", {{'j', 10, 1}, {'f', 10, 11}}, 11, 1},
	{"a grandchild's too", {{'j', 10, 1}, {'f', 10, 11}, {'f', 11, 12}}, 12, 1},
	{"the parent's join after the fork is not the child's",
		{{'j', 10, 1}, {'f', 10, 11}, {'j', 10, 2}}, 11, 1},
	{"the child's join is not the parent's", {{'j', 10, 1}, {'f', 10, 11}, {'j', 11, 2}},
		10, 1},
	{"a child of the unknown is unknown", {{'f', 10, 11}}, 11, 0},
	{"what a child is told holds for its parent", {{'f', 10, 11}, {'t', 11, 1}}, 10, 1},
	{"and for its siblings", {{'f', 10, 11}, {'f', 10, 12}, {'t', 11, 1}}, 12, 1},
	{"and for those that come later", {{'f', 10, 11}, {'t', 11, 1}, {'f', 10, 12}}, 12, 1},
	{"but not for who has joined another",
		{{'f', 10, 11}, {'f', 10, 12}, {'j', 12, 2}, {'t', 11, 1}}, 12, 2},
	{"not for a parent that had joined another",
		{{'f', 10, 11}, {'j', 10, 0}, {'t', 11, 1}}, 10, 0},
	{"not for who joined something unknown", {{'f', 10, 11}, {'j', 11, 0}, {'t', 11, 1}},
		10, 0},
	{"what contradicts is one's own", {{'j', 10, 1}, {'f', 10, 11}, {'t', 11, 2}}, 10, 1},
	{"a number that is used again is another's",
		{{'j', 11, 1}, {'j', 10, 2}, {'f', 10, 11}}, 11, 2},
	{"a number that is used again by the unknown is unknown", {{'j', 11, 1}, {'f', 10, 11}},
		11, 0},
	{"who begins is unknown", {{'j', 11, 1}, {'b', 11, 0}}, 11, 0},
	{"what was forgotten is unknown", {{'j', 10, 1}, {'f', 10, 11}, {'!', 0, 0}}, 11, 0},
	{"what comes after is not",
		{{'j', 10, 1}, {'f', 10, 11}, {'!', 0, 0}, {'f', 10, 12}, {'t', 12, 3}}, 10, 3},
	{"whose child that is gone gave it a session has an unknown one",
		{{'j', 10, 1}, {'f', 10, 11}, {'j', 11, 2}, {'l', 11, 0}}, 10, 0},
	{"so has who forked that: the child's parent may be a thread of it",
		{{'j', 10, 1}, {'f', 10, 11}, {'f', 11, 12}, {'l', 12, 0}}, 10, 0},
	{"who forked that one keeps its",
		{{'j', 9, 1}, {'f', 9, 10}, {'f', 10, 11}, {'f', 11, 12}, {'l', 12, 0}}, 9, 1},
	{"the child keeps its", {{'j', 10, 1}, {'f', 10, 11}, {'l', 11, 0}}, 11, 1},
	{"siblings keep theirs", {{'j', 10, 1}, {'f', 10, 11}, {'f', 10, 12}, {'l', 11, 0}}, 12,
		1},
	{"others keep theirs", {{'j', 20, 3}, {'f', 10, 11}, {'l', 11, 0}}, 20, 3},
	{"what the parent is told then is its own again",
		{{'j', 10, 1}, {'f', 10, 11}, {'f', 10, 12}, {'l', 11, 0}, {'t', 10, 2}}, 10,
		2},
	{"and not that of the children from before",
		{{'j', 10, 1}, {'f', 10, 11}, {'f', 10, 12}, {'l', 11, 0}, {'t', 10, 2}}, 12,
		1},
	{"where nobody knows the parent nothing is known",
		{{'j', 10, 1}, {'j', 11, 2}, {'l', 11, 0}}, 10, 0},
	{"nor where nobody knows the child", {{'j', 10, 1}, {'l', 11, 0}}, 10, 0},
};

static void see(const struct seen *seen)
{
	switch (seen->what) {
	case 'j':
		wq_sessions_joined(s, seen->tid, seen->n);
		break;
	case 't':
		wq_sessions_told(s, seen->tid, seen->n);
		break;
	case 'f':
		wq_sessions_forked(s, seen->tid, seen->n);
		break;
	case 'b':
		wq_sessions_began(s, seen->tid);
		break;
	case 'l':
		wq_sessions_lost_parent(s, seen->tid);
		break;
	case '!':
		wq_sessions_forget(s);
		break;
	default:
		ck_abort_msg("no such letter");
	}
}

START_TEST(sessions_follow_joins_and_forks)
{
	int is;

	for (int i = 0; i < SEEN_MAX && cases[_i].seen[i].what; i++)
		see(&cases[_i].seen[i]);
	is = wq_sessions_find(s, cases[_i].tid);
	ck_assert_msg(is == cases[_i].session, "%s: %d, not %d", cases[_i].says, is,
		cases[_i].session);
}
END_TEST

START_TEST(who_was_told_of_is_there)
{
	ck_assert(!wq_sessions_has(s, 10));
	wq_sessions_forked(s, 10, 11);
	ck_assert(wq_sessions_has(s, 10));
	ck_assert(wq_sessions_has(s, 11));
	wq_sessions_began(s, 11);
	ck_assert(!wq_sessions_has(s, 11));
}
END_TEST

/* Processes that are gone are dropped in time, those that live never. */
START_TEST(who_is_gone_is_dropped_and_who_lives_is_kept)
{
	enum { MANY = 40000 };
	const pid_t beyond = 1 << 23; /* no thread has such a number */
	int kept = 0;

	wq_sessions_joined(s, getpid(), 7);
	for (int i = 0; i < MANY; i++)
		wq_sessions_forked(s, getpid(), beyond + i);
	ck_assert_int_eq(wq_sessions_find(s, getpid()), 7);
	/* what it did last may still be told */
	ck_assert_int_eq(wq_sessions_find(s, beyond + MANY - 1), 7);
	for (int i = 0; i < MANY; i++)
		kept += wq_sessions_has(s, beyond + i);
	ck_assert_int_lt(kept, MANY / 2);
}
END_TEST

START_TEST(a_fork_asks_for_a_few_threads_however_many_live)
{
	enum { MANY = 40000 };
	const pid_t beyond = 1 << 23;
	unsigned int most = 0, all = 0;

	for (int i = 0; i < MANY; i++) {
		asked = 0;
		wq_sessions_forked(s, getpid(), beyond + i);
		most = asked > most ? asked : most;
		all += asked;
	}
	ck_assert_uint_gt(all, 0);
	ck_assert_uint_le(most, 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sessions");
	TCase *tcase = tcase_create("sessions");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, sessions_follow_joins_and_forks, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, who_was_told_of_is_there);
	tcase_add_test(tcase, who_is_gone_is_dropped_and_who_lives_is_kept);
	tcase_add_test(tcase, a_fork_asks_for_a_few_threads_however_many_live);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
