/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to stderr: logging never waits, and says what it could not write. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/log.h"
#include "run.h"

#define TOO_MUCH (8u << 20) /* more than any of these can hold */

static int real_stderr, reader;

/* Makes FD our stderr; what is written there is read from FROM. */
static void set_stderr(int fd, int from)
{
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	reader = from;
	ck_assert_int_eq(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
}

static void be_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	set_stderr(fds[1], fds[0]);
	wq_log_init("test", false);
}

/* A pipe of another user, which we cannot open again. (Without root there is none.) */
static void be_foreign_pipe(void)
{
	bool root = geteuid() == 0;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	set_stderr(fds[1], fds[0]);
	if (root)
		ck_assert_int_eq(seteuid(65534), 0);
	wq_log_init("test", false);
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
}

static void be_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct termios t;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	t.c_oflag &= ~(tcflag_t)ONLCR;
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &t), 0);
	set_stderr(slave, master);
	wq_log_init("test", false);
}

static void be_stream(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	set_stderr(fds[1], fds[0]);
	wq_log_init("test", false);
}

static void be_file(void)
{
	char path[] = "test_log.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), from;

	ck_assert_int_ge(fd, 0);
	from = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	set_stderr(fd, from);
	wq_log_init("test", false);
}

static const struct {
	void (*be)(void);
	/* It is full at once and stays so; a terminal moves its data in its own time. */
	bool fills;
} kinds[] = {{be_pipe, true}, {be_foreign_pipe, true}, {be_terminal, false}, {be_stream, true},
	{be_file, false}};

#define KINDS ARRAY_SIZE(kinds)

static void set_up(void)
{
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

static void tear_down(void)
{
	close(reader);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
}

/* Writes to stderr until it is full. */
static void fill(void)
{
	static const char dots[512] = "..........";
	int flags = fcntl(STDERR_FILENO, F_GETFL);
	size_t n = 0;

	fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	for (size_t len = sizeof(dots); len; len /= 2)
		while (n < TOO_MUCH && write(STDERR_FILENO, dots, len) > 0)
			n += len;
	fcntl(STDERR_FILENO, F_SETFL, flags);
	ck_assert_uint_lt(n, TOO_MUCH);
}

/* Takes all that is there. */
static void drain(void)
{
	char buf[4096];

	while (read(reader, buf, sizeof(buf)) > 0)
		;
}

/* Checks that WANT comes next. */
static void expect(const char *want)
{
	char text[4096] = "";
	size_t n = 0;

	while (n < strlen(want)) { /* or until Check's timeout */
		ssize_t r = read(reader, text + n, sizeof(text) - 1 - n);

		n += r > 0 ? (size_t)r : 0;
	}
	ck_assert_str_eq(text, want);
}

static void long_line(void)
{
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	wq_log(WQ_LOG_ERR, "%s", text);
}

START_TEST(lines_come_out_one_after_the_other)
{
	kinds[_i].be();
	ck_assert_int_eq(write(STDERR_FILENO, "before\n", 7), 7);
	wq_log(WQ_LOG_ERR, "one %d", 1);
	wq_log(WQ_LOG_INFO, "not this one");
	wq_log(WQ_LOG_WARNING, "two");
	ck_assert_int_eq(write(STDERR_FILENO, "after\n", 6), 6);
	expect("before\ntest: one 1\ntest: two\nafter\n");
}
END_TEST

START_TEST(full_stderr_is_not_waited_for_and_the_loss_is_told)
{
	if (!kinds[_i].fills)
		return;
	kinds[_i].be();
	fill();
	long_line();
	long_line();
	drain();
	wq_log(WQ_LOG_ERR, "there again");
	expect("test: 2 lines could not be logged\ntest: there again\n");
}
END_TEST

/* Another process fills the last room between the log's check and its write. Replaces the C
 * library's function. */
static bool somebody_is_faster;

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec t = {timeout / 1000, timeout % 1000 * 1000000l};
	int r = ppoll(fds, n, timeout < 0 ? NULL : &t, NULL);

	if (somebody_is_faster)
		fill();
	return r;
}

START_TEST(who_fills_it_at_the_same_moment_makes_nobody_wait)
{
	static void (*const be[])(void) = {be_pipe, be_terminal};

	be[_i]();
	somebody_is_faster = true;
	for (int i = 0; i < 100; i++)
		long_line();
	somebody_is_faster = false;
}
END_TEST

START_TEST(others_descriptions_stay_as_they_are)
{
	int flags;

	kinds[_i].be();
	flags = fcntl(STDERR_FILENO, F_GETFL);
	ck_assert_int_eq(flags & O_NONBLOCK, 0);
	wq_log(WQ_LOG_ERR, "a line");
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL), flags);
}
END_TEST

START_TEST(reader_of_a_pipe_sees_its_end_when_lines_go_to_syslog)
{
	char c;

	be_pipe();
	wq_log(WQ_LOG_ERR, "a line");
	wq_log_to_syslog();
	ck_assert_int_eq(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
	while (read(reader, &c, 1) == 1)
		;
	ck_assert_int_eq(read(reader, &c, 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("stderr");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, lines_come_out_one_after_the_other, 0, KINDS);
	tcase_add_loop_test(tc, full_stderr_is_not_waited_for_and_the_loss_is_told, 0, KINDS);
	tcase_add_loop_test(tc, who_fills_it_at_the_same_moment_makes_nobody_wait, 0, 2);
	tcase_add_loop_test(tc, others_descriptions_stay_as_they_are, 0, KINDS);
	tcase_add_test(tc, reader_of_a_pipe_sees_its_end_when_lines_go_to_syslog);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
