/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "filter.h"
#include "record_out.h"

/* As large as a queue can be on any mount. */
#define SIZE WQFS_SIZE_MAX

static const struct option options[] = {
	{"mount", required_argument, NULL, 'm'},
	{"filter", required_argument, NULL, 'f'},
	{"format", required_argument, NULL, 'F'},
	{"time", no_argument, NULL, 't'},
	{"who", no_argument, NULL, 'W'},
	WQCTL_HELP_OPTION,
	{0},
};

/* The keys get the ids 1, 2, ...; those beyond the last id share it. */
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
	char why[200];
	int option, status;

	while ((option = getopt_long(argc, argv, "f:t", options, NULL)) != -1) {
		switch (option) {
		case 'm':
			mount = optarg;
			break;
		case 'f':
			if (wq_filter_from_text(&filter, optarg, why, sizeof(why)))
				return wqctl_usage(cmd, "%s", why);
			break;
		case 'F':
			if (!record_out_format(&how, optarg))
				return wqctl_usage(cmd, "\"%s\" is no format", optarg);
			break;
		case 't':
			how.time = true;
			break;
		case 'W':
			how.who = true;
			break;
		default:
			return wqctl_other_option(cmd, option);
		}
	}
	status = wqctl_check_operands(cmd, argc, argv, 1, -1);
	return status == WQCTL_OK ? monitor(mount, &filter, &how, argv + optind) : status;
}

const struct wqctl_cmd wqctl_monitor = {
	.name = "monitor",
	.args = "[-f FILTER] [--format FORMAT] [-t] [--who] [--mount DIR] KEY...",
	.summary = "Print what happens to keys, until interrupted",
	.help = "  -f, --filter FILTER  print only this, in the words of wqctl filter\n"
		"      --format FORMAT  text, json or raw (text)\n"
		"  -t, --time           text: begin with the time\n"
		"      --who            text: end with the process that did it, where that is "
		"known\n"
		"      --mount DIR      the wqfs to use\n"
		"\n"
		"It uses a queue of its own that has no name. It ends with 0 when it is "
		"interrupted\n"
		"or none of the keys is left.\n",
	.run = run,
};
