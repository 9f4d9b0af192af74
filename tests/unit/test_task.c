/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a thread is, read from /proc, whatever it calls itself. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/unused.h"
#include "run.h"

#define S 1000000000ull

static struct wq_tasks tasks;

static void set_up(void)
{
	memset(&tasks, 0, sizeof(tasks));
}

/* A child that has done PREPARE(ARG) and waits to be killed; 0: PREPARE has failed. */
static pid_t start_prepared(int (*prepare)(const char *arg), const char *arg)
{
	int ready[2];
	ssize_t n;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prepare(arg) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	n = read(ready[0], &byte, 1);
	close(ready[0]);
	if (n == 1)
		return pid;
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return 0;
}

static int be_called(const char *comm)
{
	return prctl(PR_SET_NAME, comm);
}

static pid_t start(const char *comm)
{
	pid_t pid = start_prepared(be_called, comm);

	ck_assert_int_gt(pid, 0);
	return pid;
}

static void end(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Who TID is, which did something a second after the machine began. */
static struct wq_cred who_is(pid_t tid)
{
	return wq_task_who(&tasks, tid, S, S);
}

static const char *const names[] = {
	"plain",
	"two words",
	")",
	"(",
	"a) S 1 1 1 (b",
	") R 7",
	"a\nTgid:\t1",
	"\nUid:\t0\t0\t0",
	"back\\slash\\n",
	"\t \n ",
	"\xff\xfe\x80",
	"",
	"fifteen letters",
};

START_TEST(any_name_is_read)
{
	pid_t pid = start(names[_i]);
	const struct wq_task *t = wq_task_get(&tasks, pid, S);

	ck_assert_ptr_nonnull(t);
	ck_assert_str_eq(t->comm, names[_i]);
	ck_assert_int_eq(t->tid, pid);
	ck_assert_int_eq(t->tgid, pid);
	ck_assert_int_eq(t->parent, getpid());
	ck_assert_uint_eq(t->ruid, getuid());
	ck_assert_uint_eq(t->uid, geteuid());
	ck_assert_uint_eq(t->gid, getegid());
	end(pid);
}
END_TEST

static void *be_thread(void *arg WQ_UNUSED)
{
	const struct wq_task *t = wq_task_get(&tasks, gettid(), S);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->tid, gettid());
	ck_assert_int_eq(t->tgid, getpid());
	ck_assert_int_eq(t->parent, getppid());
	ck_assert_int_eq(who_is(gettid()).pid, getpid());
	return NULL;
}

START_TEST(thread_belongs_to_its_process)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, be_thread, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(who_is_gone_is_remembered_for_a_second)
{
	pid_t pid = start("gone");
	uint64_t read_ns = wq_now_ns();
	const struct wq_task *t;

	ck_assert_ptr_nonnull(wq_task_get(&tasks, pid, read_ns));
	end(pid);
	ck_assert_ptr_null(wq_task_get(&tasks, pid, wq_now_ns()));
	t = wq_task_recent(&tasks, pid, read_ns + S);
	ck_assert_ptr_nonnull(t);
	ck_assert_str_eq(t->comm, "gone");
	ck_assert_ptr_null(wq_task_recent(&tasks, pid, read_ns + 60 * S));
}
END_TEST

/* What was read already for that time is not read again. */
START_TEST(who_lives_is_as_at_the_time_that_is_asked_for)
{
	uint64_t before_ns = wq_now_ns(), after_ns;

	prctl(PR_SET_NAME, "before");
	ck_assert_str_eq(wq_task_get(&tasks, getpid(), before_ns)->comm, "before");
	prctl(PR_SET_NAME, "after");
	after_ns = wq_now_ns();
	ck_assert_str_eq(wq_task_get(&tasks, getpid(), before_ns)->comm, "before");
	ck_assert_str_eq(wq_task_recent(&tasks, getpid(), before_ns)->comm, "before");
	ck_assert_str_eq(wq_task_get(&tasks, getpid(), after_ns)->comm, "after");
	ck_assert_str_eq(wq_task_recent(&tasks, getpid(), after_ns)->comm, "after");
}
END_TEST

START_TEST(two_of_one_slot_are_told_apart)
{
	const pid_t other = getpid() + (1 << 23); /* no thread has such a number */

	ck_assert_ptr_nonnull(wq_task_get(&tasks, getpid(), S));
	ck_assert_ptr_null(wq_task_get(&tasks, other, S));
	ck_assert_ptr_null(wq_task_recent(&tasks, other, S));
	ck_assert_int_eq(wq_task_get(&tasks, getpid(), S)->tid, getpid());
}
END_TEST

START_TEST(who_is_said_as_far_as_it_is_certain)
{
	struct wq_cred who = who_is(getpid());
	const pid_t other = getpid() + (1 << 23); /* no thread has such a number */

	ck_assert_int_eq(who.pid, getpid());
	ck_assert_uint_eq(who.uid, geteuid());
	ck_assert_uint_eq(who.gid, getegid());
	ck_assert_str_ne(who.comm, "");
	ck_assert_int_eq(who_is(other).pid, 0);
}
END_TEST

/* Its user is by now that of the program. */
START_TEST(who_executed_a_program_since_is_a_process_and_no_more)
{
	struct wq_cred who;

	wq_task_renewed(&tasks.renewals, getpid(), S - 1, true);
	ck_assert_uint_eq(who_is(getpid()).uid, geteuid());
	wq_task_renewed(&tasks.renewals, getpid(), S, true);
	who = who_is(getpid());
	ck_assert_int_eq(who.pid, getpid());
	ck_assert_uint_eq(who.uid, WQ_UID_UNKNOWN);
	ck_assert_str_eq(who.comm, "");
}
END_TEST

START_TEST(beginning_may_be_told_after_what_came_after_it)
{
	wq_task_renewed(&tasks.renewals, getpid(), S + 1, true);
	wq_task_renewed(&tasks.renewals, getpid(), S, false);
	ck_assert_int_eq(who_is(getpid()).pid, getpid());
}
END_TEST

START_TEST(who_began_since_is_another)
{
	wq_task_renewed(&tasks.renewals, getpid(), S, false);
	ck_assert_int_eq(who_is(getpid()).pid, 0);
}
END_TEST

START_TEST(what_was_missed_is_not_certain)
{
	wq_task_renewals_lost(&tasks.renewals);
	ck_assert_int_eq(who_is(getpid()).pid, 0);
}
END_TEST

START_TEST(who_had_our_user_namespace_is_known_when_it_is_gone)
{
	pid_t pid = start("ours");

	ck_assert(wq_task_get(&tasks, getpid(), S)->our_userns);
	ck_assert(wq_task_get(&tasks, pid, S)->our_userns);
	end(pid);
	ck_assert(wq_task_get(&tasks, pid, S)->our_userns);
}
END_TEST

static int leave_userns(const char *unused WQ_UNUSED)
{
	return unshare(CLONE_NEWUSER);
}

START_TEST(who_has_another_user_namespace_is_not_in_ours)
{
	pid_t pid = start_prepared(leave_userns, NULL);

	if (pid == 0) {
		puts("# no user namespaces are allowed here: not tested");
		return;
	}
	ck_assert(!wq_task_get(&tasks, pid, S)->our_userns);
	end(pid);
}
END_TEST

static bool write_map(pid_t pid, const char *map)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	f = fopen(path, "we");
	return f && fputs(map, f) >= 0 && fclose(f) == 0;
}

START_TEST(who_has_another_user_namespace_has_numbers_of_its_own)
{
	pid_t pid = start_prepared(leave_userns, NULL);
	struct wq_uid_range range;
	uid_t inner = 0;
	char map[64];

	if (pid == 0) {
		puts("# no user namespaces are allowed here: not tested");
		return;
	}
	ck_assert(!wq_mapped_by(pid, &range));
	ck_assert(wq_mapped_inner(pid, geteuid(), &inner));
	ck_assert_uint_eq(inner, (uid_t)-1);
	snprintf(map, sizeof(map), "7 %u 1\n", geteuid());
	ck_assert(write_map(pid, map));
	ck_assert(wq_mapped_by(pid, &range));
	ck_assert(wq_mapped_inner(pid, geteuid(), &inner));
	ck_assert_uint_eq(inner, 7);
	ck_assert(wq_mapped_inner(pid, geteuid() + 1, &inner));
	ck_assert_uint_eq(inner, (uid_t)-1);
	end(pid);
	ck_assert(!wq_mapped_by(pid, &range));
	ck_assert(!wq_mapped_inner(pid, geteuid(), &inner));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("task");
	TCase *tcase = tcase_create("task");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_loop_test(tcase, any_name_is_read, 0, ARRAY_SIZE(names));
	tcase_add_test(tcase, thread_belongs_to_its_process);
	tcase_add_test(tcase, who_is_gone_is_remembered_for_a_second);
	tcase_add_test(tcase, who_lives_is_as_at_the_time_that_is_asked_for);
	tcase_add_test(tcase, two_of_one_slot_are_told_apart);
	tcase_add_test(tcase, who_is_said_as_far_as_it_is_certain);
	tcase_add_test(tcase, who_executed_a_program_since_is_a_process_and_no_more);
	tcase_add_test(tcase, beginning_may_be_told_after_what_came_after_it);
	tcase_add_test(tcase, who_began_since_is_another);
	tcase_add_test(tcase, what_was_missed_is_not_certain);
	tcase_add_test(tcase, who_had_our_user_namespace_is_known_when_it_is_gone);
	tcase_add_test(tcase, who_has_another_user_namespace_is_not_in_ours);
	tcase_add_test(tcase, who_has_another_user_namespace_has_numbers_of_its_own);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
