/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "args.h"
#include "record_out.h"

#define LETTERS "n:h" RECORD_OUT_LETTERS

static const struct option options[] = {
	{"count", required_argument, NULL, 'n'},
	{"wait", no_argument, NULL, 'w'},
	{"nonblock", no_argument, NULL, 'N'},
	RECORD_OUT_OPTIONS,
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
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, LETTERS, options, NULL)) != -1) {
		switch (option) {
		case 'n':
			status = args_records(cmd, optarg, &how.count);
			break;
		case 'w':
			how.wait = true;
			break;
		case 'N':
			how.wait = false;
			break;
		default:
			status = record_out_option(cmd, &how, option);
		}
	}
	if (status < 0)
		status = wqctl_check_operands(cmd, argc, argv, 1, 1);
	return status < 0 ? print(argv[optind], &how) : status;
}

const struct wqctl_cmd wqctl_read = {
	.name = "read",
	.args = "[-n COUNT] [--wait | --nonblock] " RECORD_OUT_ARGS " QUEUE",
	.summary = "Take records out of a queue and print them, a line each",
	.help = "  -n, --count COUNT    end after so many records\n"
		"      --wait           wait for more records (the default)\n"
		"      --nonblock       end when no record is left\n" RECORD_OUT_HELP "\n"
		"Text is what keyctl watch prints: \"123456 link 654321\". After SIGINT or\n"
		"SIGTERM the exit status is 0. No record is taken that is not printed,\n"
		"unless nobody reads the output for two seconds after a signal.\n",
	.run = run,
};
