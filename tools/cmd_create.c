/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "args.h"
#include "queue_file.h"
#include "record/record.h"
#include "record/render.h"
#include "wqctl.h"

struct wanted {
	unsigned int mode;
	unsigned long size; /* 0: the mount's default */
	int format;	    /* enum wqfs_format; -1: the mount's default */
	struct wqfs_filter filter;
};

/* Returns what args_records() and the like return. */
static int read_mode(const struct wqctl_cmd *cmd, const char *text, unsigned int *mode)
{
	char *end;
	unsigned long value = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end || value > 0777)
		return wqctl_usage(
			cmd, "invalid mode: '%s': must be octal, from 0 to 777", text);
	*mode = (unsigned int)value;
	return -1;
}

static bool set_format(const struct queue_file *q, const struct wanted *w)
{
	const char *name = wq_format_name((enum wqfs_format)w->format);

	if (!fsetxattr(q->fd, WQFS_XATTR_FORMAT, name, strlen(name), 0) &&
		!fchmod(q->fd, w->mode))
		return true;
	wq_complain(WQ_ACT_FORMAT, errno, q->path, NULL);
	return false;
}

static bool set_up(const struct queue_file *q, const struct wanted *w)
{
	return (!w->size || queue_file_set_size(q, w->size)) &&
	       (!w->filter.nr_filters || queue_file_set_filter(q, &w->filter)) &&
	       (w->format < 0 || set_format(q, w));
}

/* Removes the queue again if it cannot be set up as the user asked. */
static bool create(const char *name, const struct wanted *w)
{
	/* The kernel lets a process set an attribute only if it may write the file. */
	unsigned int mode = w->format < 0 ? w->mode : w->mode | 0200;
	struct queue_file q;
	bool done;

	if (!queue_file_create(&q, name, mode))
		return false;
	done = set_up(&q, w);
	if (!done)
		unlink(q.path);
	queue_file_close(&q);
	return done;
}

static int create_all(char **names, const struct wanted *w)
{
	int status = WQCTL_OK;

	for (; *names; names++)
		if (!create(*names, w))
			status = WQCTL_FAILURE;
	return status;
}

static const struct option options[] = {
	{"mode", required_argument, NULL, 'm'},
	{"size", required_argument, NULL, 's'},
	{"filter", required_argument, NULL, 'f'},
	{"format", required_argument, NULL, 'F'},
	WQCTL_HELP_OPTION,
	{0},
};

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct wanted w = {.mode = 0600, .format = -1};
	enum wqfs_format format = WQFS_FORMAT_RAW;
	int option, status = -1;

	while (status < 0 &&
		(option = getopt_long(argc, argv, "m:s:f:h", options, NULL)) != -1) {
		switch (option) {
		case 'm':
			status = read_mode(cmd, optarg, &w.mode);
			break;
		case 's':
			status = args_records(cmd, optarg, &w.size);
			break;
		case 'f':
			status = args_filter(cmd, optarg, &w.filter);
			break;
		case 'F':
			status = args_format(cmd, optarg, &format);
			w.format = (int)format;
			break;
		default:
			status = wqctl_other_option(cmd, option);
		}
	}
	if (status < 0)
		status = wqctl_check_operands(cmd, argc, argv, 1, -1);
	return status < 0 ? create_all(argv + optind, &w) : status;
}

const struct wqctl_cmd wqctl_create = {
	.name = "create",
	.args = "[-m MODE] [-s N] [-f FILTER] [--format FORMAT] QUEUE...",
	.summary = "Make queues",
	.help = "  -m, --mode MODE      who may use it, octal (0600: only you)\n"
		"  -s, --size N         records that it holds (what the mount's default_size "
		"says)\n"
		"  -f, --filter FILTER  what may enter, in the words of wqctl filter\n"
		"      --format FORMAT  how it is read: raw, text or json (what the mount's\n"
		"                       format says)\n",
	.run = run,
};
