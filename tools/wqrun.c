/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wqrun - runs a program written for the kernel's watch queues on wqfs.
 *
 * wqrun replaces itself by the command, as env(1) does, so that signals, terminal, job control
 * and exit status are those of the command.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/start.h"
#include "facility.h"
#include "mount_check.h"
#include "mount_find.h"
#include "private_mount.h"
#include "program.h"
#include "wqrun_paths.h"

/* The exit statuses of env(1), nice(1) and timeout(1). */
enum { EXIT_WQRUN = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct options {
	const char *mount;
	bool force, private, verbose;
};

static void print_help(void)
{
	fputs("usage: wqrun [-fv] [-m DIR | -p] COMMAND [ARG...]\n"
	      "\n"
	      "Runs COMMAND, a program written for the kernel's notification queues\n"
	      "(pipe2(O_NOTIFICATION_PIPE) and KEYCTL_WATCH_KEY), on wqfs if this kernel has\n"
	      "none.\n"
	      "\n"
	      "  -f, --force      on wqfs even if this kernel has them\n"
	      "  -m, --mount=DIR  on the wqfs mounted at DIR\n"
	      "  -p, --private    on a wqfs that is started for COMMAND and ends with it, "
	      "even\n"
	      "                   if there is another\n"
	      "  -v, --verbose    say which wqfs is used, and how it learns of changes\n"
	      "  -h, --help       print this\n"
	      "  -V, --version    print the version\n",
		stdout);
}

static int usage_error(const char *what)
{
	if (what)
		fprintf(stderr, "wqrun: %s\n", what);
	fputs("Try 'wqrun --help' for more information.\n", stderr);
	return EXIT_WQRUN;
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"force", no_argument, NULL, 'f'},
		{"mount", required_argument, NULL, 'm'},
		{"private", no_argument, NULL, 'p'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+fm:pvhV", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->force = true;
			break;
		case 'm':
			o->mount = optarg;
			break;
		case 'p':
			o->private = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		case 'V':
			puts("wqrun " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			return usage_error(NULL);
		}
	}
	if (o->mount && o->private)
		return usage_error("options '--mount' and '--private' are mutually exclusive");
	if (optind == argc)
		return usage_error("missing operand");
	return -1;
}

/* The mount DIR, which the user named, as an absolute path, because the command may change its
 * directory. NULL after an error message if it cannot be used. */
static char *named_mount(const char *dir)
{
	char *path = realpath(dir, NULL);
	int err = path ? wq_mount_check(path) : -errno;

	if (!err)
		return path;
	fprintf(stderr, "wqrun: %s: %s\n", dir, wq_mount_reason(dir, err));
	free(path);
	return NULL;
}

static bool start_private(char **mount)
{
	if (!wq_private_mount(wqrun_daemon_path(), mount))
		return true;
	fputs("wqrun: 'wqctl doctor' says what this machine lacks\n", stderr);
	return false;
}

/* Uses a mount that happens to be there only if it serves; else starts a private one. */
static char *find_mount(void)
{
	const char *env = getenv(WQ_MOUNT_ENV);
	char *mount;

	if (env && *env)
		return named_mount(env);
	return !wq_mount_find_serving(&mount) || start_private(&mount) ? mount : NULL;
}

static char *choose_mount(const struct options *o)
{
	char *mount = NULL;

	if (o->mount)
		return named_mount(o->mount);
	if (o->private)
		return start_private(&mount) ? mount : NULL;
	return find_mount();
}

/* VALUE NULL means that its allocation failed. */
static bool set_env(const char *name, const char *value)
{
	if (value && !setenv(name, value, 1))
		return true;
	fprintf(stderr, "wqrun: cannot set %s: %s\n", name, strerror(ENOMEM));
	return false;
}

/* Is SHIM in LIST? ld.so splits the list at ':' and ' '. */
static bool is_listed(const char *list, const char *shim)
{
	size_t len = strlen(shim), n;

	for (; *list; list += n) {
		list += strspn(list, ": ");
		n = strcspn(list, ": ");
		if (n == len && !strncmp(list, shim, len))
			return true;
	}
	return false;
}

/* SHIM is what LD_PRELOAD will have. */
static bool is_preloadable(const char *shim)
{
	char *path = wqrun_shim_path();
	int err = !path ? ENOMEM : access(path, R_OK) ? errno : 0;

	free(path);
	if (strpbrk(shim, ": ")) {
		fprintf(stderr, "wqrun: %s: ld.so cannot preload a path with ':' or ' '\n",
			shim);
		return false;
	}
	if (err)
		fprintf(stderr, "wqrun: the preload library %s: %s\n", shim, strerror(err));
	return !err;
}

/* Appends the library to LD_PRELOAD: some libraries must be the first, such as that of gcc's
 * sanitizer. */
static bool preload(const char *shim)
{
	const char *before = getenv("LD_PRELOAD");
	char *list;
	bool ok;

	if (!is_preloadable(shim))
		return false;
	if (!before || !*before)
		return set_env("LD_PRELOAD", shim);
	if (is_listed(before, shim)) /* wqrun was run by wqrun */
		return true;
	if (asprintf(&list, "%s:%s", before, shim) < 0)
		list = NULL;
	ok = set_env("LD_PRELOAD", list);
	free(list);
	return ok;
}

/* Only warns: the user may know that, or may need queues only for the children of COMMAND. */
static void warn_if_unreached(const char *command)
{
	char *path = wq_program_find(command);
	const char *subject,
		*why = path ? wq_program_unreached(path, wqrun_shim_name(), &subject) : NULL;

	if (why)
		fprintf(stderr, "wqrun: %s cannot be reached: %s %s\n", path, subject, why);
	free(path);
}

static bool prepare(const struct options *o, const char *command)
{
	char *mount = choose_mount(o);
	bool ok = mount && set_env(WQ_MOUNT_ENV, mount) && preload(wqrun_shim_name());

	if (ok && o->verbose)
		wq_mount_say("wqrun", mount);
	if (ok && wq_mount_is_old(mount))
		fprintf(stderr, "wqrun: %s: %s\n", mount, WQ_MOUNT_OLD);
	free(mount);
	if (ok)
		warn_if_unreached(command);
	return ok;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct wq_facility facility;
	int status;

	/* descriptors that were closed when we started are to be closed for the command, too */
	if (wq_start_std_fds(O_CLOEXEC) < 0)
		return EXIT_WQRUN;
	argv[0] = program_invocation_short_name; /* getopt_long() begins its messages with it */
	status = parse_options(&o, argc, argv);
	if (status >= 0)
		return status;
	wq_facility_probe(&facility);
	if (o.verbose && !o.force && wq_facility_there(&facility))
		fputs("wqrun: no wqfs is used, since this kernel has notification queues\n",
			stderr);
	if ((o.force || !wq_facility_there(&facility)) && !prepare(&o, argv[optind]))
		return EXIT_WQRUN;
	argv += optind;
	execvp(argv[0], argv);
	status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	fprintf(stderr, "wqrun: failed to run command '%s': %s\n", argv[0], strerror(errno));
	return status;
}
