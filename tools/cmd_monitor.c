/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "args.h"
#include "record_out.h"

/* The largest size that every mount accepts. */
#define SIZE WQFS_SIZE_MAX

#define LETTERS "f:h" RECORD_OUT_LETTERS

static const struct option options[] = {
	{"mount", required_argument, NULL, 'm'},
	{"filter", required_argument, NULL, 'f'},
	RECORD_OUT_OPTIONS,
	WQCTL_HELP_OPTION,
	{0},
};

/* The keys get the ids 1, 2, and so on; all keys beyond the last id share it. */
static bool watch_all(const struct queue_file *q, char **keys)
{
	for (int32_t id = 1; *keys; keys++, id += id < WQFS_WATCH_ID_MAX)
		if (!queue_file_watch(q, *keys, id))
			return false;
	return true;
}

static int monitor(const char *mount, const struct wqfs_filter *filter,
	const struct record_out *how, char **keys)
{
	int status = WQCTL_FAILURE;
	struct queue_file q;

	if (!queue_file_anonymous(&q, mount))
		return WQCTL_FAILURE;
	if (queue_file_set_size(&q, SIZE) &&
		(!filter->nr_filters || queue_file_set_filter(&q, filter)) &&
		watch_all(&q, keys))
		status = record_out(&q, how);
	queue_file_close(&q);
	return status;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct record_out how = {.format = WQFS_FORMAT_TEXT, .wait = true, .own = true};
	struct wqfs_filter filter = {0};
	const char *mount = NULL;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, LETTERS, options, NULL)) != -1) {
		switch (option) {
		case 'm':
			mount = optarg;
			break;
		case 'f':
			status = args_filter(cmd, optarg, &filter);
			break;
		default:
			status = record_out_option(cmd, &how, option);
		}
	}
	if (status < 0)
		status = wqctl_check_operands(cmd, argc, argv, 1, -1);
	return status < 0 ? monitor(mount, &filter, &how, argv + optind) : status;
}

const struct wqctl_cmd wqctl_monitor = {
	.name = "monitor",
	.args = "[-f FILTER] " RECORD_OUT_ARGS " [--mount DIR] KEY...",
	.summary = "Print what happens to keys, until interrupted",
	.help = "  -f, --filter FILTER  print only these, in the words of wqctl "
		"filter\n" RECORD_OUT_HELP "      --mount DIR      the wqfs to use\n"
		"\n"
		"It uses a queue of its own that has no name. The exit status is 0 when it is\n"
		"interrupted or all keys have been destroyed.\n",
	.run = run,
};
