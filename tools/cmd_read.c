/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "record_out.h"

static const struct option options[] = {
	{"count", required_argument, NULL, 'n'},
	{"wait", no_argument, NULL, 'w'},
	{"nonblock", no_argument, NULL, 'N'},
	{"format", required_argument, NULL, 'F'},
	{"time", no_argument, NULL, 't'},
	{"who", no_argument, NULL, 'W'},
	WQCTL_HELP_OPTION,
	{0},
};

static int print(const char *name, const struct record_out *how)
{
	struct queue_file q;
	int status;

	if (!queue_file_open(&q, name))
		return WQCTL_FAILURE;
	status = record_out(&q, how);
	queue_file_close(&q);
	return status;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct record_out how = {.format = WQFS_FORMAT_TEXT, .wait = true};
	int option, status;

	while ((option = getopt_long(argc, argv, "n:t", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			if (!wqctl_number(optarg, &how.count) || !how.count)
				return wqctl_usage(
					cmd, "\"%s\" is no number of records", optarg);
			break;
		case 'w':
			how.wait = true;
			break;
		case 'N':
			how.wait = false;
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
	status = wqctl_check_operands(cmd, argc, argv, 1, 1);
	return status == WQCTL_OK ? print(argv[optind], &how) : status;
}

const struct wqctl_cmd wqctl_read = {
	.name = "read",
	.args = "[-n COUNT] [--wait | --nonblock] [--format FORMAT] [-t] [--who] QUEUE",
	.summary = "Take records out of a queue and print them, a line each",
	.help = "  -n, --count COUNT    take so many and end (until the wqfs ends)\n"
		"      --wait           wait for records (so it is, if nothing is said)\n"
		"      --nonblock       take what is there, and end\n"
		"      --format FORMAT  text, json or raw (text)\n"
		"  -t, --time           text: begin with the time\n"
		"      --who            text: end with the process that did it, where that is "
		"known\n"
		"\n"
		"Text is what keyctl watch prints: \"123456 link 654321\". SIGINT and SIGTERM "
		"end it\n"
		"well; no record is taken that is not printed.\n",
	.run = run,
};
