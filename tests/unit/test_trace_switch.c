/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The switches of a trace, with files that behave like those of tracefs. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/array_size.h"
#include "run.h"
#include "sources/trace_switch.h"

static struct wq_switches s;

static void set_up(void)
{
	s = (struct wq_switches){.n = 0};
}

static void tear_down(void)
{
	wq_switches_close(&s);
	ck_assert_int_eq(s.n, 0);
}

/* A file with TEXT and without a name. Returns a descriptor; S reads another one, READ. */
static int file_that_says(const char *text, int *read_fd)
{
	FILE *f = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(f);
	fd = dup(fileno(f));
	fclose(f);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dprintf(fd, "%s", text), 0);
	*read_fd = dup(fd);
	return fd;
}

static const struct {
	const char *says, *text[3];
	bool on;
} cases[] = {
	{"none are all on", {NULL}, true},
	{"one that is on", {"1\n"}, true},
	{"all that are on", {"1\n", "1\n", "1\n"}, true},
	{"on in a soft mode", {"1*\n"}, true},
	{"one is off", {"1\n", "0\n", "1\n"}, false},
	{"off in a soft mode", {"0*\n"}, false},
	{"one of several events of a file is off", {"X\n"}, false},
	{"one that says nothing", {"1\n", ""}, false},
};

START_TEST(all_switches_are_on_or_not)
{
	for (int i = 0; i < 3 && cases[_i].text[i]; i++) {
		int read_fd;

		close(file_that_says(cases[_i].text[i], &read_fd));
		ck_assert_int_eq(wq_switches_add(&s, read_fd), 0);
	}
	ck_assert_msg(wq_switches_on(&s) == cases[_i].on, "%s", cases[_i].says);
}
END_TEST

START_TEST(a_switch_is_read_anew_each_time)
{
	int read_fd, fd = file_that_says("1\n", &read_fd);

	ck_assert_int_eq(wq_switches_add(&s, read_fd), 0);
	ck_assert(wq_switches_on(&s));
	ck_assert_int_eq(pwrite(fd, "0", 1, 0), 1);
	ck_assert(!wq_switches_on(&s));
	ck_assert_int_eq(pwrite(fd, "1", 1, 0), 1);
	ck_assert(wq_switches_on(&s));
	close(fd);
}
END_TEST

START_TEST(what_cannot_be_opened_or_kept_is_an_error)
{
	errno = EMFILE;
	ck_assert_int_eq(wq_switches_add(&s, -1), -EMFILE);
	for (int i = 0; i < WQ_SWITCHES_MAX; i++)
		ck_assert_int_eq(wq_switches_add(&s, open("/dev/null", O_RDONLY)), 0);
	ck_assert_int_eq(wq_switches_add(&s, open("/dev/null", O_RDONLY)), -ENOSPC);
	ck_assert_int_eq(s.n, WQ_SWITCHES_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace switches");
	TCase *tcase = tcase_create("trace switches");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, all_switches_are_on_or_not, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, a_switch_is_read_anew_each_time);
	tcase_add_test(tcase, what_cannot_be_opened_or_kept_is_an_error);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
