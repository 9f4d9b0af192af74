/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which session keyring a thread has, and whose it is, from what was seen of the thread and its
 * relatives. */
#include <check.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/loop.h"
#include "keys/sessions.h"
#include "run.h"

static struct wq_sessions *s;

/* Replaces the C library's function, and counts how often the kernel is asked for a thread. */
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
		wq_sessions_learned(s, seen->tid, seen->n);
		break;
	case 'f':
		wq_sessions_forked(s, seen->tid, seen->n, 1);
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
	wq_sessions_forked(s, 10, 11, 1);
	ck_assert(wq_sessions_has(s, 10));
	ck_assert(wq_sessions_has(s, 11));
	wq_sessions_began(s, 11);
	ck_assert(!wq_sessions_has(s, 11));
}
END_TEST

/* Threads that have ended are dropped in time; those that live never are. */
START_TEST(who_is_gone_is_dropped_and_who_lives_is_kept)
{
	enum { MANY = 40000 };
	const pid_t beyond = 1 << 23; /* no thread has such a number */
	int kept = 0;

	wq_sessions_joined(s, getpid(), 7);
	for (int i = 0; i < MANY; i++)
		wq_sessions_forked(s, getpid(), beyond + i, wq_now_ns());
	ck_assert_int_eq(wq_sessions_find(s, getpid()), 7);
	/* its last operation may still be reported */
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
		wq_sessions_forked(s, getpid(), beyond + i, wq_now_ns());
		most = asked > most ? asked : most;
		all += asked;
	}
	ck_assert_uint_gt(all, 0);
	ck_assert_uint_le(most, 8);
}
END_TEST

/* ---- users ---- */

#define U 1000
#define V 2000

#define NONE (uid_t) - 1

struct step {
	char what; /* r: TID's users are read, all N; w: the same in another user namespace; f:
		      TID forks N; a: N begins in a user namespace of its own; x: TID executes;
		      l: it leaves its user namespace; u, e, s, i: setuid(), setreuid(),
		      setresuid(), setfsuid() with ARG; !: some were lost; @: all that is told
		      next was done before the last reading; 0: the end */
	int tid, n;
	uid_t arg[WQ_IDS_ARGS];
};

enum { UNKNOWN, UNSURE, SURE, ASKED }; /* ASKED: unsure, and to be read */

static const struct {
	const char *says;
	struct step step[8];
	int tid, known;
	uid_t real, fs;
} users[] = {
	{"nothing is known of who was not read", {{'f', 10, 11, {0}}}, 11, UNKNOWN, 0, 0},
	{"what was read", {{'r', 10, U, {0}}}, 10, SURE, U, U},
	{"a grandchild's are its origin's",
		{{'r', 10, U, {0}}, {'f', 10, 11, {0}}, {'f', 11, 12, {0}}}, 12, SURE, U, U},
	{"root's child that becomes a user",
		{{'r', 10, 0, {0}}, {'f', 10, 11, {0}}, {'u', 11, 0, {U}}}, 11, SURE, U, U},
	{"and root stays root", {{'r', 10, 0, {0}}, {'f', 10, 11, {0}}, {'u', 11, 0, {U}}}, 10,
		SURE, 0, 0},
	{"root that is to become a user in all respects",
		{{'r', 10, 0, {0}}, {'s', 10, 0, {U, U, U}}}, 10, SURE, U, U},
	{"what is -1 stays", {{'r', 10, 0, {0}}, {'s', 10, 0, {NONE, U, NONE}}}, 10, SURE, 0,
		U},
	{"the same by setreuid()", {{'r', 10, 0, {0}}, {'e', 10, 0, {NONE, U}}}, 10, SURE, 0,
		U},
	{"real and effective change places",
		{{'r', 10, 0, {0}}, {'e', 10, 0, {NONE, U}}, {'e', 10, 0, {U, 0}}}, 10, SURE, U,
		0},
	{"the file system's alone", {{'r', 10, 0, {0}}, {'i', 10, 0, {U}}}, 10, SURE, 0, U},
	{"a user cannot become another for files", {{'r', 10, U, {0}}, {'i', 10, 0, {V}}}, 10,
		SURE, U, U},
	{"a program that has rights of its own keeps the real one",
		{{'r', 10, U, {0}}, {'x', 10, 0, {0}}}, 10, SURE, U, U},
	{"until it makes itself root",
		{{'r', 10, U, {0}}, {'x', 10, 0, {0}}, {'s', 10, 0, {0, 0, 0}}}, 10, SURE, 0,
		0},
	{"setuid() of a program that may have rights is not sure",
		{{'r', 10, U, {0}}, {'x', 10, 0, {0}}, {'u', 10, 0, {V}}}, 10, ASKED, V, V},
	{"in another user namespace its own is known", {{'w', 10, U, {0}}, {'f', 10, 11, {0}}},
		11, UNSURE, U, U},
	{"but not what it calls another", {{'w', 10, U, {0}}, {'s', 10, 0, {0, 0, 0}}}, 10,
		ASKED, U, U},
	{"nor after it has left", {{'r', 10, U, {0}}, {'l', 10, 0, {0}}, {'u', 10, 0, {0}}}, 10,
		ASKED, U, U},
	{"nor where it began apart",
		{{'r', 10, U, {0}}, {'a', 10, 11, {0}}, {'f', 10, 11, {0}}, {'u', 11, 0, {0}}},
		11, ASKED, U, U},
	{"who begins later under that number is where its parent is",
		{{'r', 10, U, {0}}, {'a', 10, 11, {0}}, {'f', 10, 11, {0}}, {'f', 10, 11, {0}}},
		11, SURE, U, U},
	{"a child of before the reading is not sure",
		{{'r', 10, U, {0}}, {'@', 0, 0, {0}}, {'f', 10, 11, {0}}}, 11, ASKED, U, U},
	{"where changes were lost a user is who it was, though not surely",
		{{'r', 10, U, {0}}, {'f', 10, 11, {0}}, {'!', 0, 0, {0}}}, 11, ASKED, U, U},
	{"and root may be anybody", {{'r', 10, 0, {0}}, {'f', 10, 11, {0}}, {'!', 0, 0, {0}}},
		11, UNKNOWN, 0, 0},
	{"and so may its children", {{'r', 10, 0, {0}}, {'!', 0, 0, {0}}, {'f', 10, 11, {0}}},
		11, UNKNOWN, 0, 0},
	{"until it is read again", {{'r', 10, 0, {0}}, {'!', 0, 0, {0}}, {'r', 10, U, {0}}}, 10,
		SURE, U, U},
};

static void take_step(const struct step *t, uint64_t *now)
{
	static const struct {
		char what;
		enum wq_ids_change change;
	} changes[] = {
		{'u', WQ_IDS_SETUID},
		{'e', WQ_IDS_SETREUID},
		{'s', WQ_IDS_SETRESUID},
		{'i', WQ_IDS_SETFSUID},
		{'x', WQ_IDS_EXECUTED},
		{'l', WQ_IDS_LEFT},
	};
	const uid_t n = (uid_t)t->n;
	const struct wq_ids ids = {
		.uid = {n, n, n, n}, .is_sure = t->what == 'r', .has_mapped = t->what == 'w'};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].what == t->what)
			wq_sessions_ids_changed(s, t->tid, changes[i].change, t->arg);
	if (t->what == 'r' || t->what == 'w')
		wq_sessions_ids_read(s, t->tid, &ids, ++*now);
	else if (t->what == 'f')
		wq_sessions_forked(s, t->tid, t->n, *now);
	else if (t->what == 'a')
		wq_sessions_ids_changed(s, t->n, WQ_IDS_BEGINS_APART, t->arg);
	else if (t->what == '!')
		wq_sessions_ids_lost(s);
	else if (t->what == '@')
		--*now;
}

START_TEST(users_follow_forks_and_calls)
{
	struct wq_ids ids = {0};
	uint64_t now = 5;
	int known;

	for (int i = 0; i < 8 && users[_i].step[i].what; i++)
		take_step(&users[_i].step[i], &now);
	if (!wq_sessions_ids(s, users[_i].tid, now, &ids))
		known = UNKNOWN;
	else if (ids.is_sure)
		known = SURE;
	else
		known = wq_sessions_ids_wanted(s, users[_i].tid) ? ASKED : UNSURE;
	ck_assert_msg(known == users[_i].known, "%s: known %d", users[_i].says, known);
	ck_assert_msg(known == UNKNOWN || (ids.uid[WQ_ID_REAL] == users[_i].real &&
						  ids.uid[WQ_ID_FS] == users[_i].fs),
		"%s: %u and %u", users[_i].says, ids.uid[WQ_ID_REAL], ids.uid[WQ_ID_FS]);
}
END_TEST

START_TEST(an_unknown_session_is_of_who_had_it_first)
{
	const struct wq_ids root = {.is_sure = true};
	const uid_t u[WQ_IDS_ARGS] = {U, U, U};

	wq_sessions_ids_read(s, 10, &root, 1);
	wq_sessions_forked(s, 10, 11, 2);
	wq_sessions_ids_changed(s, 11, WQ_IDS_SETRESUID, u);
	wq_sessions_forked(s, 11, 12, 3);
	ck_assert_ptr_nonnull(wq_sessions_origin(s, 12));
	ck_assert(wq_ids_have(wq_sessions_origin(s, 12), 0));
	ck_assert(!wq_ids_have(wq_sessions_origin(s, 12), U));
	wq_sessions_joined(s, 12, 7);
	ck_assert_ptr_null(wq_sessions_origin(s, 12));
	ck_assert_ptr_null(wq_sessions_origin(s, 99));
}
END_TEST

/* However many begin meanwhile: its operations may be reported only after their forks. */
START_TEST(who_is_gone_is_kept_until_all_of_it_is_told)
{
	enum { MANY = 40000 };
	const pid_t beyond = 1 << 23;

	for (int i = 0; i < MANY; i++)
		wq_sessions_forked(s, getpid(), beyond + i, 1);
	for (int i = 0; i < MANY; i++)
		ck_assert(wq_sessions_has(s, beyond + i));
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
	tcase_add_loop_test(tcase, users_follow_forks_and_calls, 0, ARRAY_SIZE(users));
	tcase_add_test(tcase, an_unknown_session_is_of_who_had_it_first);
	tcase_add_test(tcase, who_is_gone_is_kept_until_all_of_it_is_told);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
