/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program checks before all else: descriptors and signals. Check runs each test in a
 * process of its own. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/array_size.h"
#include "base/libc.h"
#include "base/start.h"
#include "run.h"

/* As on a kernel before Linux 5.9. False: we may not have that. */
static bool deny_close_range(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return false;
	ck_assert_int_eq(close_range(1000, 1000, 0), -1);
	return true;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(all_from_the_first_on_are_closed)
{
	const int high[] = {200, 201, 333, 1000};
	const int nr = ARRAY_SIZE(high);

	if (_i && !deny_close_range()) {
		puts("# no filter of system calls is allowed here: not tested");
		return;
	}
	for (int i = 0; i < nr; i++)
		ck_assert_int_eq(dup2(2, high[i]), high[i]);
	ck_assert_int_eq(wq_start_close_fds(201), 0);
	ck_assert(is_open(2) && is_open(200));
	for (int i = 1; i < nr; i++)
		ck_assert(!is_open(high[i]));
}
END_TEST

/* _i says which are closed, and whether what takes their places is closed by exec(). */
START_TEST(closed_standard_descriptors_are_occupied)
{
	int closed = _i & 7, flags = _i & 8 ? O_CLOEXEC : 0, r, was[3];
	bool alike = true;
	char c;

	for (int fd = 0; fd < 3; fd++) {
		was[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		if (closed & 1 << fd)
			close(fd);
	}
	r = wq_start_std_fds(flags);
	for (int fd = 0; fd < 3; fd++) {
		alike = alike && is_open(fd);
		if (closed & 1 << fd)
			alike = alike && read(fd, &c, 1) < 0 && errno == EBADF &&
				write(fd, "", 1) < 0 && errno == EBADF &&
				!(fcntl(fd, F_GETFD) & FD_CLOEXEC) == !flags;
		dup2(was[fd], fd); /* what ck_assert() prints must be readable */
	}
	ck_assert_int_eq(r, 0);
	ck_assert(alike);
}
END_TEST

START_TEST(ignored_signals_are_not_heeded)
{
	sigset_t set;

	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&set);
	wq_start_heed(&set, SIGHUP);
	wq_start_heed(&set, SIGTERM);
	ck_assert(!sigismember(&set, SIGHUP));
	ck_assert(sigismember(&set, SIGTERM));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("start");
	TCase *t = tcase_create("start");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, all_from_the_first_on_are_closed, 0, 2);
	tcase_add_loop_test(t, closed_standard_descriptors_are_occupied, 0, 16);
	tcase_add_test(t, ignored_signals_are_not_heeded);
	return run_suite(s);
}
