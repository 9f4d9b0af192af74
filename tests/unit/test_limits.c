/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of limits. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array_size.h"
#include "fuse/limits.h"
#include "run.h"

static char directory[] = "/tmp/wqfs-limits-XXXXXX", path[64];

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/limits", directory);
}

static void tear_down(void)
{
	unlink(path);
	rmdir(directory);
}

/* What TEXT makes of what holds by default. */
static struct wq_limits parsed(const char *text)
{
	struct wq_limits limits = wq_limits_default;
	char why[WQ_LIMITS_WHY_MAX] = "";
	int r = wq_limits_parse(&limits, text, strlen(text), why);

	ck_assert_msg(r == 0, "'%s': %s", text, why);
	return limits;
}

START_TEST(what_a_file_does_not_name_stays)
{
	struct wq_limits limits = parsed("max_queues = 64\n");

	ck_assert_uint_eq(limits.max_queues, 64);
	limits.max_queues = wq_limits_default.max_queues;
	ck_assert_mem_eq(&limits, &wq_limits_default, sizeof(limits));
}
END_TEST

START_TEST(each_limit_can_be_set)
{
	const struct wq_limits limits = parsed("default_size=32\nmax_size=64\nmax_queues=0\n"
					       "poll_min_ms=5\npoll_max_ms=7\nresync_s=9\n"
					       "cpu_budget=50%\n");

	ck_assert_uint_eq(limits.default_size, 32);
	ck_assert_uint_eq(limits.max_size, 64);
	ck_assert_uint_eq(limits.max_queues, 0);
	ck_assert_uint_eq(limits.poll_min_ms, 5);
	ck_assert_uint_eq(limits.poll_max_ms, 7);
	ck_assert_uint_eq(limits.resync_s, 9);
	ck_assert(limits.cpu_budget > 0.49 && limits.cpu_budget < 0.51);
}
END_TEST

static const char *const same[] = {
	"max_queues=7",
	"  max_queues\t=  7  \n",
	"# of one user\n\nmax_queues = 7 # queues\n#max_queues = 8\n",
	"max_queues = 7\r\n",
	"max_queues = 3\nmax_queues = 7\n",
};

START_TEST(blanks_and_comments_mean_nothing_and_the_last_line_holds)
{
	ck_assert_uint_eq(parsed(same[_i]).max_queues, 7);
}
END_TEST

START_TEST(lines_may_come_in_any_order)
{
	const struct wq_limits limits = parsed("default_size = 4096\nmax_size = 4096\n");

	ck_assert_uint_eq(limits.default_size, 4096);
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} wrong[] = {
	{"max_queues = 7\nmax_queue = 8\n", "line 2: there is no limit 'max_queue'"},
	{"source = poll\n", "line 1: there is no limit 'source'"},
	{"\n\nmax_queues\n", "line 3: 'max_queues' is not of the form NAME = VALUE"},
	{"max_queues 7", "line 1: 'max_queues 7' is not of the form NAME = VALUE"},
	{"= 7", "line 1: there is no limit ''"},
	{"max_queues =", "line 1: invalid number for max_queues: ''"},
	{"max_queues = 7 8", "line 1: invalid number for max_queues: '7 8'"},
	{"max_queues = -1", "line 1: invalid number for max_queues: '-1'"},
	{"max_queues = 7 = 8", "line 1: invalid number for max_queues: '7 = 8'"},
	{"max_queues = \033[2J", "line 1: invalid number for max_queues: '?[2J'"},
	{"max_size = 0", "line 1: invalid value for max_size: '0': must be from 1 to 1048576"},
	{"resync_s = 0", "line 1: invalid value for resync_s: '0': must be from 1 to 86400"},
	{"cpu_budget = 2",
		"line 1: invalid value for cpu_budget: '2': must be a share of one core "
		"from 0.01% to 100%, as '1%' or '0.01'"},
	{"\ndefault_size = 513",
		"line 2: invalid value for default_size: '513': must be from 1 to "
		"max_size (512)"},
	{"max_size = 100", "line 1: invalid value for default_size: '256': must be from 1 to "
			   "max_size (100)"},
	{"max_size = 100\ndefault_size = 200", "line 2: invalid value for default_size: '200': "
					       "must be from 1 to max_size (100)"},
	{"default_size = 0", "line 1: invalid value for default_size: '0': must be from 1 to "
			     "max_size (512)"},
	{"poll_max_ms = 5", "line 1: invalid value for poll_min_ms: '10': must be from 1 to "
			    "poll_max_ms (5)"},
};

START_TEST(what_is_wrong_is_named_with_its_line_and_changes_nothing)
{
	struct wq_limits limits = wq_limits_default;
	char why[WQ_LIMITS_WHY_MAX] = "";
	int r = wq_limits_parse(&limits, wrong[_i].text, strlen(wrong[_i].text), why);

	ck_assert_int_eq(r, -EINVAL);
	ck_assert_str_eq(why, wrong[_i].says);
	ck_assert_mem_eq(&limits, &wq_limits_default, sizeof(limits));
}
END_TEST

START_TEST(what_options_say_is_no_lines_fault)
{
	struct wq_limits limits = wq_limits_default;
	char why[WQ_LIMITS_WHY_MAX] = "";

	limits.default_size = 1000;
	ck_assert_int_eq(wq_limits_parse(&limits, "max_queues=1", 12, why), -EINVAL);
	ck_assert_str_eq(why,
		"invalid value for default_size: '1000': must be from 1 to max_size "
		"(512)");
}
END_TEST

START_TEST(a_byte_that_is_0_is_no_text)
{
	struct wq_limits limits = wq_limits_default;
	char why[WQ_LIMITS_WHY_MAX] = "";

	ck_assert_int_eq(wq_limits_parse(&limits, "max_queues=1\0", 13, why), -EINVAL);
	ck_assert_str_eq(why, "it is not a text: it has a byte that is 0");
}
END_TEST

/* ---- files ---- */

static void write_file(const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static int load(struct wq_limits *limits, bool may_be_missing, char *why)
{
	const struct wq_limits_file file = {
		.path = path, .may_be_missing = may_be_missing, .given = wq_limits_default};

	return wq_limits_load(limits, &file, why);
}

/* It must fail, and say FORMAT with the path. */
static void refuses(const char *format)
{
	struct wq_limits limits = {0};
	char why[WQ_LIMITS_FILE_WHY_MAX] = "", want[256];

	snprintf(want, sizeof(want), "%s: %s", path, format);
	ck_assert_int_lt(load(&limits, false, why), 0);
	ck_assert_str_eq(why, want);
	ck_assert_uint_eq(limits.max_size, 0);
}

START_TEST(a_file_is_read)
{
	struct wq_limits limits;
	char why[WQ_LIMITS_FILE_WHY_MAX];

	write_file("max_queues = 5\n");
	ck_assert_int_eq(load(&limits, false, why), 0);
	ck_assert_uint_eq(limits.max_queues, 5);
}
END_TEST

START_TEST(a_file_that_is_missing_is_refused_unless_it_may_be)
{
	struct wq_limits limits = {0};
	char why[WQ_LIMITS_FILE_WHY_MAX];

	refuses("No such file or directory");
	ck_assert_int_eq(load(&limits, true, why), 0);
	ck_assert_mem_eq(&limits, &wq_limits_default, sizeof(limits));
}
END_TEST

START_TEST(a_fifo_is_refused_at_once)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refuses("not a regular file");
}
END_TEST

START_TEST(a_device_is_refused)
{
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
	refuses("not a regular file");
}
END_TEST

START_TEST(a_directory_is_refused)
{
	ck_assert_int_eq(symlink("/", path), 0);
	refuses("not a regular file");
}
END_TEST

START_TEST(a_file_that_is_too_long_is_refused)
{
	write_file("");
	ck_assert_int_eq(truncate(path, WQ_LIMITS_FILE_MAX + 1), 0);
	refuses("it has more than 65536 bytes");
}
END_TEST

START_TEST(a_file_of_the_longest_length_is_read)
{
	char *text = malloc(WQ_LIMITS_FILE_MAX + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', WQ_LIMITS_FILE_MAX);
	text[WQ_LIMITS_FILE_MAX] = '\0';
	memcpy(text + WQ_LIMITS_FILE_MAX - 2, "x=", 2);
	write_file(text);
	free(text);
	refuses("line 1: there is no limit 'x'");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *lines = tcase_create("lines"), *files = tcase_create("files");

	tcase_add_test(lines, what_a_file_does_not_name_stays);
	tcase_add_test(lines, each_limit_can_be_set);
	tcase_add_loop_test(lines, blanks_and_comments_mean_nothing_and_the_last_line_holds, 0,
		ARRAY_SIZE(same));
	tcase_add_test(lines, lines_may_come_in_any_order);
	tcase_add_loop_test(lines, what_is_wrong_is_named_with_its_line_and_changes_nothing, 0,
		ARRAY_SIZE(wrong));
	tcase_add_test(lines, what_options_say_is_no_lines_fault);
	tcase_add_test(lines, a_byte_that_is_0_is_no_text);
	suite_add_tcase(suite, lines);
	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_test(files, a_file_is_read);
	tcase_add_test(files, a_file_that_is_missing_is_refused_unless_it_may_be);
	tcase_add_test(files, a_fifo_is_refused_at_once);
	tcase_add_test(files, a_device_is_refused);
	tcase_add_test(files, a_directory_is_refused);
	tcase_add_test(files, a_file_that_is_too_long_is_refused);
	tcase_add_test(files, a_file_of_the_longest_length_is_read);
	suite_add_tcase(suite, files);
	return run_suite(suite);
}
