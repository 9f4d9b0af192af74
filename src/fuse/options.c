/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "base/array_size.h"
#include "base/unused.h"
#include "base/cleanup.h"
#include "fuse/options.h"
#include "record/render.h"
#include "sources/choice.h"
#include "wqfs.h"

#define OPT(template, field)                                    \
	{                                                       \
		template, offsetof(struct wq_options, field), 1 \
	}

/* fuse_opt's own %u accepts "32abc" as 32, and -1 as a large number. So take_number() parses
 * these options; the key tells it where to store the number. Keys of fuse_opt itself are below
 * 0. */
#define NUMBER(field) FUSE_OPT_KEY(#field "=", (int)offsetof(struct wq_options, field))

/* Options of libfuse that we need to know as well. */
enum { KEY_ALLOW_OTHER = -100, KEY_REMOUNT = -101, KEY_OWNER = -102, KEY_LIMIT = -103 };

#define LIMIT(name) FUSE_OPT_KEY(#name "=", KEY_LIMIT)

/* Options in a line of fstab(5) that concern only mount(8), or times that a queue does not
 * have. */
#define WITHOUT_EFFECT(name) FUSE_OPT_KEY(name, FUSE_OPT_KEY_DISCARD)

static const struct fuse_opt spec[] = {
	FUSE_OPT_KEY("allow_other", KEY_ALLOW_OTHER),
	FUSE_OPT_KEY("remount", KEY_REMOUNT),
	FUSE_OPT_KEY("uid=", KEY_OWNER),
	FUSE_OPT_KEY("gid=", KEY_OWNER),
	FUSE_OPT_KEY("mode=", KEY_OWNER),
	FUSE_OPT_KEY("umask=", KEY_OWNER),
	FUSE_OPT_KEY("fmask=", KEY_OWNER),
	FUSE_OPT_KEY("dmask=", KEY_OWNER),
	WITHOUT_EFFECT("auto"),
	WITHOUT_EFFECT("noauto"),
	WITHOUT_EFFECT("defaults"),
	WITHOUT_EFFECT("user"),
	WITHOUT_EFFECT("nouser"),
	WITHOUT_EFFECT("users"),
	WITHOUT_EFFECT("nousers"),
	WITHOUT_EFFECT("owner"),
	WITHOUT_EFFECT("noowner"),
	WITHOUT_EFFECT("group"),
	WITHOUT_EFFECT("nogroup"),
	WITHOUT_EFFECT("nofail"),
	WITHOUT_EFFECT("_netdev"),
	WITHOUT_EFFECT("relatime"),
	WITHOUT_EFFECT("norelatime"),
	WITHOUT_EFFECT("strictatime"),
	WITHOUT_EFFECT("nostrictatime"),
	WITHOUT_EFFECT("lazytime"),
	WITHOUT_EFFECT("nolazytime"),
	WITHOUT_EFFECT("diratime"),
	WITHOUT_EFFECT("nodiratime"),
	WITHOUT_EFFECT("iversion"),
	WITHOUT_EFFECT("noiversion"),
	WITHOUT_EFFECT("mand"),
	WITHOUT_EFFECT("nomand"),
	WITHOUT_EFFECT("silent"),
	WITHOUT_EFFECT("loud"),
	WITHOUT_EFFECT("comment="),
	OPT("-f", foreground),
	OPT("-d", debug),
	OPT("debug", debug),
	OPT("debug_keys", debug_keys),
	OPT("-h", show_help),
	OPT("--help", show_help),
	OPT("-V", show_version),
	OPT("--version", show_version),
	OPT("format=%s", format_text),
	OPT("source=%s", source_text),
	OPT("x-mount.mkdir", make_directory),
	OPT("x-mount.mkdir=%s", directory_mode_text),
	OPT("limits=%s", limits_file.path),
	LIMIT(cpu_budget),
	LIMIT(default_size),
	LIMIT(max_size),
	LIMIT(max_queues),
	LIMIT(poll_min_ms),
	LIMIT(poll_max_ms),
	LIMIT(resync_s),
	NUMBER(max_read),
	NUMBER(trace_buffer_kb),
	FUSE_OPT_END,
};

/* ---- what is wrong, in the words of coreutils ---- */

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...)
{
	va_list ap;

	fputs("wqfs: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\n", stderr);
	return -EINVAL;
}

/* Tells, after an error message, where the usage of wqfs is described. */
static int try_help(void)
{
	fputs("Try 'wqfs --help' for more information.\n", stderr);
	return -EINVAL;
}

/* Reports that the value NR of NAME is not in MIN to MAX. */
static int out_of_range(const char *name, unsigned int nr, unsigned int min, unsigned int max)
{
	return wrong("invalid value for %s: '%u': must be from %u to %u", name, nr, min, max);
}

/* ---- words of the command line ---- */

/* Stores MOUNTPOINT, or SOURCE MOUNTPOINT as mount(8) gives them. */
static int take_word(struct wq_options *o, const char *word)
{
	if (o->source) {
		wrong("extra operand '%s'", word);
		return try_help();
	}
	o->source = o->mountpoint;
	o->mountpoint = strdup(word);
	return o->mountpoint ? 0 : wrong("out of memory");
}

static int take_number(unsigned int *number, const char *arg)
{
	const char *equals = strchr(arg, '='), *text = equals + 1;
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > UINT_MAX)
		return wrong("invalid number for %.*s: '%s'", (int)(equals - arg), arg, text);
	*number = (unsigned int)n;
	return 0;
}

static int take_limit(struct wq_limits *limits, const char *arg)
{
	const char *equals = strchr(arg, '=');
	char name[32], why[WQ_LIMITS_WHY_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)(equals - arg), arg);
	return wq_limits_set(limits, name, equals + 1, why) < 0 ? wrong("%s", why) : 0;
}

/* Says why wqfs has no such option, which other filesystems have. */
static void refuse(int key, const char *arg)
{
	if (key == KEY_REMOUNT)
		wrong("unsupported option 'remount': a mounted wqfs cannot be changed: unmount "
		      "it, then mount it with other options");
	else
		wrong("unsupported option '%s': a queue is its maker's, with the mode that "
		      "they give it: see chown(1) and chmod(1), also for the root directory",
			arg);
}

/* Reports that ARG, which begins with a dash, is unknown, in the words of getopt_long().
 * libfuse itself has no such option but --debug. */
static void unrecognized(const char *arg)
{
	if (arg[1] == '-' || !arg[1])
		wrong("unrecognized option '%s'", arg);
	else
		wrong("invalid option -- '%c'", arg[1]);
	try_help();
}

static int on_arg(void *data, const char *arg, int key, struct fuse_args *out WQ_UNUSED)
{
	struct wq_options *o = data;

	if (key == KEY_ALLOW_OTHER) {
		o->allow_other = true;
		return 1;
	}
	if (key == KEY_REMOUNT || key == KEY_OWNER) {
		refuse(key, arg);
		return -1;
	}
	if (key == KEY_LIMIT)
		return take_limit(&o->limits_file.given, arg) < 0 ? -1 : 0;
	if (key == FUSE_OPT_KEY_NONOPT)
		return take_word(o, arg) < 0 ? -1 : 0;
	if (key >= 0)
		return take_number((unsigned int *)((char *)data + key), arg) < 0 ? -1 : 0;
	if (*arg == '-' && strcmp(arg, "--debug") != 0) {
		unrecognized(arg);
		return -1;
	}
	if (!strncmp(arg, "x-", 2)) /* not for us, such as x-systemd.automount */
		return 0;
	return 1; /* an option of libfuse, or one that libfuse rejects */
}

/* The mode in octal that x-mount.mkdir may have; 0755 without it, as for mount(8). */
static int parse_directory_mode(struct wq_options *o)
{
	const char *text = o->directory_mode_text;
	unsigned long mode;
	char *end;

	o->directory_mode = 0755;
	if (!text)
		return 0;
	mode = strtoul(text, &end, 8);
	if (*text < '0' || *text > '7' || *end || mode > 07777)
		return wrong("invalid mode for x-mount.mkdir: '%s': must be octal", text);
	o->make_directory = 1;
	o->directory_mode = (mode_t)mode;
	return 0;
}

static int parse_source(const struct wq_options *o)
{
	char names[128];

	if (!o->source_text || wq_source_choose(o->source_text))
		return 0;
	wq_source_list(names, sizeof(names));
	return wrong("invalid value for source: '%s': must be %s", o->source_text, names);
}

static int parse_format(struct wq_options *o)
{
	int format = o->format_text ? wq_format_parse(o->format_text) : WQFS_FORMAT_RAW;

	if (format < 0)
		return wrong("invalid value for format: '%s': must be raw, text or json",
			o->format_text);
	o->default_format = (enum wqfs_format)format;
	return 0;
}

/* ---- the file of limits ---- */

/* The daemon's working directory is another one later. A dash says that the file may be
 * missing. */
static int make_absolute(struct wq_limits_file *file)
{
	WQ_CLEANUP(wq_cleanup_free) char *given = file->path, *here = NULL;
	const char *path = given;

	file->path = NULL;
	if (*path == '-') {
		file->may_be_missing = true;
		path++;
	}
	if (!*path)
		return wrong(
			"invalid value for limits: '%s': must be the name of a file", given);
	here = *path == '/' ? strdup("") : getcwd(NULL, 0);
	if (!here)
		return wrong("the working directory: %s", strerror(errno));
	if (asprintf(&file->path, "%s%s%s", here, *here ? "/" : "", path) >= 0)
		return 0;
	file->path = NULL;
	return wrong("out of memory");
}

/* Whether the file can be read is known before anything is mounted. */
static int check_limits(struct wq_options *o)
{
	char why[WQ_LIMITS_FILE_WHY_MAX];
	int r = wq_limits_check(&o->limits_file.given, why);

	if (r < 0)
		return wrong("%s", why);
	r = o->limits_file.path ? make_absolute(&o->limits_file) : 0;
	if (r < 0)
		return r;
	return wq_limits_load(&o->limits, &o->limits_file, why) < 0 ? wrong("%s", why) : 0;
}

static int check(struct wq_options *o)
{
	int r = parse_directory_mode(o);

	if (r < 0)
		return r;
	if (!o->mountpoint) {
		wrong("missing mount point");
		return try_help();
	}
	if (o->trace_buffer_kb > 1048576)
		return out_of_range("trace_buffer_kb", o->trace_buffer_kb, 0, 1048576);
	if (o->max_read && o->max_read < 4096)
		return wrong("invalid value for max_read: '%u': less than 4096 bytes would cut "
			     "records off",
			o->max_read);
	r = parse_source(o);
	if (r == 0)
		r = parse_format(o);
	return r < 0 ? r : check_limits(o);
}

/* fsname may hold a comma, which would end the option. */
static int add_fsname(struct fuse_args *args, const char *name)
{
	WQ_CLEANUP(wq_cleanup_free) char *opts = NULL;
	WQ_CLEANUP(wq_cleanup_free) char *text = NULL;

	if (asprintf(&text, "fsname=%s", name) < 0) {
		text = NULL;
		return -1;
	}
	if (fuse_opt_add_opt_escaped(&opts, text) != 0)
		return -1;
	return fuse_opt_add_arg(args, "-o") || fuse_opt_add_arg(args, opts);
}

static int add_ours(const struct wq_options *o, struct fuse_args *args)
{
	char max_read[64];
	int r;

	r = fuse_opt_add_arg(args, "-odefault_permissions,subtype=wqfs") ||
	    add_fsname(args, o->source ? o->source : "wqfs");
	if (!r && o->debug)
		r = fuse_opt_add_arg(args, "-odebug");
	if (!r && o->max_read) {
		snprintf(max_read, sizeof(max_read), "-omax_read=%u", o->max_read);
		r = fuse_opt_add_arg(args, max_read);
	}
	return r ? wrong("out of memory") : 0;
}

/* A fsname= of the user comes after ours and so replaces it, as it should. */
int wq_options_parse(struct wq_options *o, struct fuse_args *args)
{
	int r;

	*o = (struct wq_options){.limits_file.given = wq_limits_default};
	if (fuse_opt_parse(args, o, spec, on_arg) < 0)
		return -EINVAL; /* a message was printed already */
	if (o->show_help || o->show_version)
		return 0;
	r = check(o);
	if (r < 0)
		return r;
	if (o->debug)
		o->foreground = 1;
	return add_ours(o, args);
}

void wq_options_fini(struct wq_options *o)
{
	free(o->source);
	free(o->mountpoint);
	free(o->limits_file.path);
	free(o->source_text);
	free(o->format_text);
	free(o->directory_mode_text);
}

void wq_options_help(const char *program)
{
	char sources[128];

	wq_source_list(sources, sizeof(sources));
	printf("usage: %s [-f] [-d] [-o OPTION[,OPTION...]] MOUNTPOINT\n"
	       "       %s SOURCE MOUNTPOINT [-o OPTION[,OPTION...]]\n"
	       "\n"
	       "Mounts a filesystem whose files are queues of key change notifications.\n"
	       "\n"
	       "    -f                  stay in the foreground\n"
	       "    -d, -o debug        print debug messages (implies -f)\n"
	       "    -o debug_keys       log why each record was posted, or was not\n"
	       "    -h, --help          print this\n"
	       "    -V, --version       print the version\n"
	       "\n"
	       "    -o default_size=N   records that a new queue holds (256)\n"
	       "    -o format=FORMAT    how a new queue is read: raw, text or json (raw)\n"
	       "    -o max_size=N       the largest size of a queue (512; root may raise it)\n"
	       "    -o max_queues=N     queues of one user, root excepted (256; 0: no limit)\n"
	       "    -o cpu_budget=X     share of a core that scans may take (1%%)\n"
	       "    -o poll_min_ms=N    shortest time between two scans (10)\n"
	       "    -o poll_max_ms=N    longest time between two parts of a scan (1000)\n"
	       "    -o source=WHAT      how changes are learned (auto, which is the best that\n"
	       "                        the machine allows):\n"
	       "      %s\n"
	       "    -o resync_s=N       seconds between two scans (trace: 30; kernel: none)\n"
	       "    -o trace_buffer_kb=N  trace: KiB of each of a CPU's two buffers\n"
	       "                        (0: 16 MiB shared by all)\n"
	       "    -o limits=FILE      lines such as \"max_queues = 64\", which replace options and\n"
	       "                        are read again on SIGHUP; -FILE: there may be none\n"
	       "    -o x-mount.mkdir[=MODE]  make the mount point if there is none (0755)\n"
	       "    -o max_read=N       the longest single read, in bytes, at least 4096\n"
	       "\n"
	       "libfuse's options:\n",
		program, program, sources);
	fflush(stdout);
	fuse_lowlevel_help();
}

void wq_options_version(void)
{
	printf("wqfs %s, libfuse %s\n", PACKAGE_VERSION, fuse_pkgversion());
}
