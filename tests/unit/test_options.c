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
	char left[1024]; /* what is left for libfuse, separated by blanks */
	char said[1024]; /* on stderr */
};

static void join(struct parsed *p, const struct fuse_args *args)
{
	size_t n = 0;

	for (int i = 1; i < args->argc; i++)
		n += (size_t)snprintf(
			p->left + n, sizeof(p->left) - n, "%s%s", n ? " " : "", args->argv[i]);
}

/* Parses WORDS (NULL-terminated), and captures stderr in a file. */
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
	ck_assert_uint_eq(p.o.limits.default_size, 256);
	ck_assert_uint_eq(p.o.limits.max_size, 512);
	ck_assert_uint_eq(p.o.limits.max_queues, 256);
	ck_assert_uint_eq(p.o.max_read, 0);
	ck_assert_uint_eq(p.o.limits.poll_min_ms, 10);
	ck_assert_uint_eq(p.o.limits.poll_max_ms, 1000);
	ck_assert(p.o.limits.cpu_budget > 0.0099 && p.o.limits.cpu_budget < 0.0101);
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
	ck_assert_uint_eq(p.o.limits.default_size, 32);
	ck_assert_uint_eq(p.o.limits.max_size, 100);
	ck_assert_uint_eq(p.o.limits.max_queues, 0);
	ck_assert_uint_eq(p.o.max_read, 8192);
	ck_assert_uint_eq(p.o.limits.poll_min_ms, 5);
	ck_assert_uint_eq(p.o.limits.poll_max_ms, 6);
	ck_assert(p.o.limits.cpu_budget > 0.49 && p.o.limits.cpu_budget < 0.51);
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
	ck_assert_ptr_nonnull(strstr(p.left, "noatime")); /* libfuse knows that option */
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

#define TRY "\nTry 'wqfs --help' for more information."
#define BUDGET(text)                                                                           \
	"invalid value for cpu_budget: '" text "': must be a share of one core from 0.01% to " \
	"100%, as '1%' or '0.01'"
#define MAKERS(option)                                             \
	"unsupported option '" option                              \
	"': a queue is its maker's, with the mode that they give " \
	"it: see chown(1) and chmod(1), also for the root directory"

static const struct {
	const char *words[WORDS];
	const char *says;
} wrong[] = {
	{{NULL}, "missing mount point" TRY},
	{{"-f"}, "missing mount point" TRY},
	{{"a", "b", "c"}, "extra operand 'c'" TRY},
	{{"--foo", "/mnt"}, "unrecognized option '--foo'" TRY},
	{{"/mnt", "-x"}, "invalid option -- 'x'" TRY},
	{{"-", "/mnt"}, "unrecognized option '-'" TRY},
	{{"-odefault_size=0", "/mnt"},
		"invalid value for default_size: '0': must be from 1 to max_size (512)"},
	{{"-oformat=xml", "/mnt"},
		"invalid value for format: 'xml': must be raw, text or json"},
	{{"-odefault_size=600", "/mnt"},
		"invalid value for default_size: '600': must be from 1 to max_size (512)"},
	{{"-odefault_size=", "/mnt"}, "invalid number for default_size: ''"},
	{{"-odefault_size= 32", "/mnt"}, "invalid number for default_size: ' 32'"},
	{{"-odefault_size=+32", "/mnt"}, "invalid number for default_size: '+32'"},
	{{"-odefault_size=0x20", "/mnt"}, "invalid number for default_size: '0x20'"},
	{{"-omax_size=0", "/mnt"},
		"invalid value for max_size: '0': must be from 1 to 1048576"},
	{{"-omax_size=1048577", "/mnt"},
		"invalid value for max_size: '1048577': must be from 1 to 1048576"},
	{{"-omax_size=100", "/mnt"},
		"invalid value for default_size: '256': must be from 1 to max_size (100)"},
	{{"-omax_read=4095", "/mnt"}, "invalid value for max_read: '4095': less than 4096 "
				      "bytes would cut records off"},
	{{"-omax_queues=99999999999999999999", "/mnt"},
		"invalid number for max_queues: '99999999999999999999'"},
	{{"-ocpu_budget=", "/mnt"}, BUDGET("")},
	{{"-ocpu_budget=0.00001", "/mnt"}, BUDGET("0.00001")},
	{{"-ocpu_budget=-1%", "/mnt"}, BUDGET("-1%")},
	{{"-ocpu_budget=1.5", "/mnt"}, BUDGET("1.5")},
	{{"-ocpu_budget=1%%", "/mnt"}, BUDGET("1%%")},
	{{"-ocpu_budget=nan", "/mnt"}, BUDGET("nan")},
	{{"-osource=ebpf", "/mnt"},
		"invalid value for source: 'ebpf': must be auto, poll, "
		"kernel, kernel-fentry, kernel-kprobe, kernel-syscalls or trace"},
	{{"-oremount,rw", "/mnt"},
		"unsupported option 'remount': a mounted wqfs cannot be changed: unmount it, "
		"then mount it with other options"},
	{{"-ouid=1000", "/mnt"}, MAKERS("uid=1000")},
	{{"-oumask=022", "/mnt"}, MAKERS("umask=022")},
	{{"-opoll_min_ms=0", "/mnt"},
		"invalid value for poll_min_ms: '0': must be from 1 to poll_max_ms (1000)"},
	{{"-opoll_min_ms=20,poll_max_ms=10", "/mnt"},
		"invalid value for poll_min_ms: '20': must be from 1 to poll_max_ms (10)"},
	{{"-opoll_max_ms=3600001", "/mnt"},
		"invalid value for poll_max_ms: '3600001': must be from 1 to 3600000"},
	{{"-oresync_s=0", "/mnt"}, "invalid value for resync_s: '0': must be from 1 to 86400"},
	{{"-otrace_buffer_kb=1048577", "/mnt"},
		"invalid value for trace_buffer_kb: '1048577': must be from 0 to 1048576"},
};

START_TEST(what_is_wrong_is_named)
{
	struct parsed p = parse(wrong[_i].words);
	char want[512];

	ck_assert_msg(p.result == -EINVAL, "\"%s\" was accepted", wrong[_i].says);
	snprintf(want, sizeof(want), "wqfs: %s\n", wrong[_i].says);
	ck_assert_str_eq(p.said, want);
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
	tcase_add_loop_test(tcase, what_is_wrong_is_named, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, users_may_not_raise_the_kernels_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
