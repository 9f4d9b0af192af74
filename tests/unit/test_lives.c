/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether threads live, as /proc shows it. */
#include <check.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lives.h"
#include "run.h"

#define OFTEN 100

static struct wq_lives lives;

static void tear_down(void)
{
	wq_lives_fini(&lives);
}

static void wait_for_the_end(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGQUIT, SIG_DFL); /* shells have commands in the background ignore it */
	for (;;)
		pause();
}

static pid_t start(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		wait_for_the_end();
	return pid;
}

/* Waits until PID, a child, has ended; it is not reaped. */
static void wait_until_ended(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void reap(pid_t pid)
{
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_ne(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
}

/* Does the kernel know how a process has ended that was reaped? */
static bool knows_the_reaped(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	ck_assert_int_eq(uname(&u), 0);
	ck_assert_int_eq(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 15);
}

START_TEST(who_was_killed_is_told_from_who_ended)
{
	pid_t pid = start();

	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_until_ended(pid);
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_KILLED);
	reap(pid);
	pid = fork();
	if (pid == 0)
		_exit(9);
	wait_until_ended(pid);
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_ENDED);
	reap(pid);
	ck_assert_int_eq(wq_lives_fate(&lives, 0), WQ_LIFE_GOES_ON);
}
END_TEST

START_TEST(who_was_killed_is_told_even_when_it_was_reaped)
{
	pid_t pid = start();
	int go[2];

	if (!knows_the_reaped() || getenv("WQFS_TEST_EMULATED")) {
		puts("# this kernel forgets those who were reaped: not tested");
		kill(pid, SIGKILL);
		reap(pid);
		return;
	}
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_KILLED);
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_ENDED); /* it is told once */
	ck_assert_int_eq(pipe(go), 0);
	pid = fork();
	if (pid == 0)
		_exit(read(go[0], &(char){0}, 1) == 1 ? 9 : 1);
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
	ck_assert_int_eq(write(go[1], "", 1), 1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_ENDED);
	close(go[0]);
	close(go[1]);
}
END_TEST

static void *tell_and_wait(void *pipe)
{
	const pid_t tid = (pid_t)syscall(SYS_gettid);

	if (write(*(int *)pipe, &tid, sizeof(tid)) == sizeof(tid))
		wait_for_the_end();
	_exit(1);
}

/* A child with a thread besides, whose number is stored in *TID. */
static pid_t start_two(pid_t *tid)
{
	pthread_t thread;
	int told[2];
	pid_t pid;

	ck_assert_int_eq(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		if (pthread_create(&thread, NULL, tell_and_wait, &told[1]) == 0)
			wait_for_the_end();
		_exit(1);
	}
	close(told[1]);
	ck_assert_int_eq(read(told[0], tid, sizeof(*tid)), sizeof(*tid));
	close(told[0]);
	return pid;
}

START_TEST(a_thread_that_was_killed_with_its_process_is_told)
{
	pid_t tid, pid = start_two(&tid);

	ck_assert_int_eq(wq_lives_fate(&lives, tid), WQ_LIFE_GOES_ON);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(wq_lives_fate(&lives, tid),
		knows_the_reaped() && !getenv("WQFS_TEST_EMULATED") ? WQ_LIFE_KILLED
								    : WQ_LIFE_ENDED);
}
END_TEST

static void wait_until_asleep(pid_t pid)
{
	char path[64], state = '?';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (state != 'S') {
		FILE *f = fopen(path, "re");

		ck_assert_ptr_nonnull(f);
		ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		fclose(f);
		usleep(1000); /* it may have to run on our CPU */
	}
}

/* From here on a child gets no CPU while this process, its parent, runs. False: we may not have
 * that. */
static bool keep_cpu(void)
{
	const struct sched_param first = {.sched_priority = 1};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) == 0 &&
	       sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) == 0;
}

static const int fatal[] = {SIGKILL, SIGTERM, SIGQUIT};

START_TEST(who_was_killed_and_has_not_run_since_does_not_live)
{
	if (!keep_cpu()) {
		puts("# no priority over others is allowed here: not tested");
		return;
	}
	if (getenv("WQFS_TEST_EMULATED")) { /* an emulator has handlers of its own */
		puts("# signals are those of an emulator here: not tested");
		return;
	}
	for (int i = 0; i < OFTEN; i++) {
		pid_t pid = start();

		wait_until_asleep(pid);
		ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
		ck_assert_int_eq(kill(pid, fatal[_i]), 0);
		ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_KILLED);
		reap(pid);
	}
}
END_TEST

/* A child with the number PID; 0: we may not choose it. */
static pid_t start_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	long r = syscall(SYS_clone3, &args, sizeof(args));

	if (r == 0)
		wait_for_the_end();
	return r > 0 ? (pid_t)r : 0;
}

START_TEST(another_one_with_the_number_of_who_ended_lives)
{
	pid_t pid = start();
	uint64_t runs;

	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
	runs = wq_lives_runs(&lives, pid);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	if (start_as(pid) != pid) {
		puts("# the number of a process cannot be chosen here: not tested");
		return;
	}
	ck_assert_int_eq(wq_lives_fate(&lives, pid), WQ_LIFE_GOES_ON);
	wait_until_asleep(pid);
	if (runs)
		ck_assert_uint_gt(wq_lives_runs(&lives, pid), 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	reap(pid);
}
END_TEST

START_TEST(many_are_told_apart)
{
	pid_t pid[WQ_LIVES * 2];

	for (int i = 0; i < WQ_LIVES * 2; i++)
		pid[i] = start();
	for (int i = 0; i < WQ_LIVES * 2; i += 2) {
		ck_assert_int_eq(kill(pid[i], SIGKILL), 0);
		wait_until_ended(pid[i]);
	}
	for (int i = 0; i < WQ_LIVES * 2; i++)
		ck_assert_int_eq(wq_lives_fate(&lives, pid[i]),
			i % 2 ? WQ_LIFE_GOES_ON : WQ_LIFE_KILLED);
	for (int i = 0; i < WQ_LIVES * 2; i++) {
		kill(pid[i], SIGKILL);
		reap(pid[i]);
	}
}
END_TEST

START_TEST(who_gets_a_cpu_has_run_once_more)
{
	uint64_t runs = wq_lives_runs(&lives, getpid());

	if (!runs) /* the kernel does not count that */
		return;
	while (wq_lives_runs(&lives, getpid()) == runs)
		usleep(1);
	ck_assert_int_gt(wq_lives_runs(&lives, getpid()), runs);
	ck_assert_int_eq(wq_lives_runs(&lives, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lives");
	TCase *tcase = tcase_create("lives");

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, who_was_killed_is_told_from_who_ended);
	tcase_add_test(tcase, who_was_killed_is_told_even_when_it_was_reaped);
	tcase_add_test(tcase, a_thread_that_was_killed_with_its_process_is_told);
	tcase_add_loop_test(tcase, who_was_killed_and_has_not_run_since_does_not_live, 0, 3);
	tcase_add_test(tcase, another_one_with_the_number_of_who_ended_lives);
	tcase_add_test(tcase, many_are_told_apart);
	tcase_add_test(tcase, who_gets_a_cpu_has_run_once_more);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
