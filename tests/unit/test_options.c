/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array_size.h"
#include "fuse/options.h"
#include "run.h"

#define WORDS 8

struct parsed {
	int result;
	struct wq_options o;
	char left[1024]; /* what is left for libfuse, a blank between the words */
	char said[1024]; /* on stderr */
};

static void join(struct parsed *p, const struct fuse_args *args)
{
	size_t n = 0;

	for (int i = 1; i < args->argc; i++)
		n += (size_t)snprintf(
			p->left + n, sizeof(p->left) - n, "%s%s", n ? " " : "", args->argv[i]);
}

/* Parses WORDS (NULL-terminated), with stderr in a file. */
static struct parsed parse(const char *const *words)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct parsed p = {0};
	int err = dup(2), fd = memfd_create("said", 0);

	ck_assert_int_ge(err, 0);
	ck_assert_int_ge(dup2(fd, 2), 0);
	fuse_opt_add_arg(&args, "wqfs");
	for (; *words; words++)
		fuse_opt_add_arg(&args, *words);
	p.result = wq_options_parse(&p.o, &args);
	dup2(err, 2);
	close(err);
	(void)!pread(fd, p.said, sizeof(p.said) - 1, 0);
	close(fd);
	join(&p, &args);
	fuse_opt_free_args(&args);
	return p;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

START_TEST(defaults_are_those_of_the_manual)
{
	struct parsed p = PARSE("/mnt");

	ck_assert_int_eq(p.result, 0);
	ck_assert_str_eq(p.o.mountpoint, "/mnt");
	ck_assert_ptr_null(p.o.source);
	ck_assert_uint_eq(p.o.default_size, 256);
	ck_assert_uint_eq(p.o.max_size, 512);
	ck_assert_uint_eq(p.o.max_queues, 256);
	ck_assert_uint_eq(p.o.max_read, 0);
	ck_assert_uint_eq(p.o.poll_min_ms, 10);
	ck_assert_uint_eq(p.o.poll_max_ms, 1000);
	ck_assert(p.o.cpu_budget > 0.0099 && p.o.cpu_budget < 0.0101);
	ck_assert(!p.o.foreground && !p.o.debug && !p.o.show_help && !p.o.show_version);
	ck_assert_str_eq(p.said, "");
	wq_options_fini(&p.o);
}
END_TEST

START_TEST(own_options_are_taken_and_the_rest_is_left)
{
	struct parsed p = PARSE("-f", "-o",
		"default_size=32,max_size=100,allow_other,max_queues=0,max_read=8192", "/mnt",
		"-ocpu_budget=50%,poll_min_ms=5,poll_max_ms=6", "-oro");

	ck_assert_int_eq(p.result, 0);
	ck_assert(p.o.foreground);
	ck_assert_uint_eq(p.o.default_size, 32);
	ck_assert_uint_eq(p.o.max_size, 100);
	ck_assert_uint_eq(p.o.max_queues, 0);
	ck_assert_uint_eq(p.o.max_read, 8192);
	ck_assert_uint_eq(p.o.poll_min_ms, 5);
	ck_assert_uint_eq(p.o.poll_max_ms, 6);
	ck_assert(p.o.cpu_budget > 0.49 && p.o.cpu_budget < 0.51);
	ck_assert_ptr_nonnull(strstr(p.left, "allow_other"));
	ck_assert(p.o.allow_other);
	ck_assert_ptr_nonnull(strstr(p.left, "ro"));
	ck_assert_ptr_nonnull(strstr(p.left, "max_read=8192"));
	ck_assert_ptr_nonnull(strstr(p.left, "default_permissions"));
	ck_assert_ptr_nonnull(strstr(p.left, "subtype=wqfs"));
	ck_assert_ptr_nonnull(strstr(p.left, "fsname=wqfs"));
	ck_assert_ptr_null(strstr(p.left, "default_size"));
	ck_assert_ptr_null(strstr(p.left, "/mnt"));
	wq_options_fini(&p.o);
}
END_TEST

START_TEST(options_of_fstab_that_mean_nothing_here_are_passed_over)
{
	struct parsed p = PARSE("/mnt", "-o",
		"noauto,users,nofail,_netdev,relatime,lazytime,strictatime,nodiratime,"
		"x-systemd.automount,comment=mine,noatime");

	ck_assert_msg(p.result == 0, "%s", p.said);
	ck_assert_ptr_nonnull(strstr(p.left, "noatime")); /* which libfuse knows */
	ck_assert_ptr_null(strstr(p.left, "relatime"));
	ck_assert_ptr_null(strstr(p.left, "lazytime"));
	ck_assert_ptr_null(strstr(p.left, "nofail"));
	ck_assert_ptr_null(strstr(p.left, "x-"));
	ck_assert_ptr_null(strstr(p.left, "comment"));
	wq_options_fini(&p.o);
}
END_TEST

START_TEST(source_comes_before_the_mount_point)
{
	struct parsed p = PARSE("a,b", "/mnt", "-o", "rw");

	ck_assert_int_eq(p.result, 0);
	ck_assert_str_eq(p.o.source, "a,b");
	ck_assert_str_eq(p.o.mountpoint, "/mnt");
	ck_assert_ptr_nonnull(strstr(p.left, "fsname=a\\,b"));
	wq_options_fini(&p.o);
}
END_TEST

START_TEST(debug_stays_in_the_foreground)
{
	struct parsed p = PARSE("-d", "/mnt");

	ck_assert_int_eq(p.result, 0);
	ck_assert(p.o.debug && p.o.foreground);
	ck_assert_ptr_nonnull(strstr(p.left, "debug"));
	wq_options_fini(&p.o);
}
END_TEST

START_TEST(help_and_version_need_no_mount_point)
{
	static const char *const words[] = {"-h", "--help", "-V", "--version"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct parsed p = PARSE(words[i]);

		ck_assert_int_eq(p.result, 0);
		ck_assert_int_eq(p.o.show_help, i < 2);
		ck_assert_int_eq(p.o.show_version, i >= 2);
		wq_options_fini(&p.o);
	}
}
END_TEST

static const struct {
	const char *words[WORDS];
	const char *says; /* a part of the line */
} wrong[] = {
	{{NULL}, "no mount point"},
	{{"-f"}, "no mount point"},
	{{"a", "b", "c"}, "c: one mount point"},
	{{"-odefault_size=0", "/mnt"}, "default_size=0"},
	{{"-odefault_size=600", "/mnt"}, "default_size=600"},
	{{"-odefault_size=", "/mnt"}, "default_size="},
	{{"-odefault_size= 32", "/mnt"}, "default_size= 32"},
	{{"-odefault_size=+32", "/mnt"}, "default_size=+32"},
	{{"-odefault_size=0x20", "/mnt"}, "default_size=0x20"},
	{{"-omax_size=0", "/mnt"}, "max_size=0"},
	{{"-omax_size=1048577", "/mnt"}, "max_size=1048577"},
	{{"-omax_size=100", "/mnt"}, "default_size=256"},
	{{"-omax_read=4095", "/mnt"}, "max_read=4095"},
	{{"-omax_queues=99999999999999999999", "/mnt"}, "max_queues=9999"},
	{{"-ocpu_budget=", "/mnt"}, "cpu_budget="},
	{{"-ocpu_budget=0.00001", "/mnt"}, "cpu_budget=0.00001"},
	{{"-oremount,rw", "/mnt"}, "remount: a mounted wqfs cannot be changed"},
	{{"-ouid=1000", "/mnt"}, "uid=1000: a queue is its maker's"},
	{{"-oumask=022", "/mnt"}, "umask=022: a queue is its maker's"},
	{{"-ocpu_budget=-1%", "/mnt"}, "cpu_budget=-1%"},
	{{"-ocpu_budget=1.5", "/mnt"}, "cpu_budget=1.5"},
	{{"-ocpu_budget=1%%", "/mnt"}, "cpu_budget=1%%"},
	{{"-ocpu_budget=nan", "/mnt"}, "cpu_budget=nan"},
	{{"-opoll_min_ms=0", "/mnt"}, "poll_min_ms=0"},
	{{"-opoll_min_ms=20,poll_max_ms=10", "/mnt"}, "poll_max_ms=10"},
	{{"-opoll_max_ms=3600001", "/mnt"}, "poll_max_ms=3600001"},
};

START_TEST(what_is_wrong_is_named_in_one_line)
{
	struct parsed p = parse(wrong[_i].words);
	const char *end;

	ck_assert_msg(p.result == -EINVAL, "\"%s\" was accepted", wrong[_i].says);
	ck_assert_msg(strstr(p.said, wrong[_i].says) != NULL, "%s", p.said);
	ck_assert(!strncmp(p.said, "wqfs: ", 6));
	end = strchr(p.said, '\n');
	ck_assert(end && !end[1]);
	wq_options_fini(&p.o);
}
END_TEST

START_TEST(users_may_not_raise_the_kernels_limit)
{
	struct parsed p = PARSE("-omax_size=513", "/mnt");

	ck_assert_int_eq(p.result, geteuid() == 0 ? 0 : -EINVAL);
	wq_options_fini(&p.o);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");

	tcase_add_test(tcase, defaults_are_those_of_the_manual);
	tcase_add_test(tcase, own_options_are_taken_and_the_rest_is_left);
	tcase_add_test(tcase, options_of_fstab_that_mean_nothing_here_are_passed_over);
	tcase_add_test(tcase, source_comes_before_the_mount_point);
	tcase_add_test(tcase, debug_stays_in_the_foreground);
	tcase_add_test(tcase, help_and_version_need_no_mount_point);
	tcase_add_loop_test(tcase, what_is_wrong_is_named_in_one_line, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, users_may_not_raise_the_kernels_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
