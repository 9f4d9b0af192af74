/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "monitor.h"
#include "replay.h"

enum { OPT_PERSISTENT = 256, OPT_MOUNT };

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	{"filter", required_argument, NULL, 'f'},
	{"recursive", no_argument, NULL, 'r'},
	{"persistent", no_argument, NULL, OPT_PERSISTENT},
	{"quiet", no_argument, NULL, 'q'},
	{"mount", required_argument, NULL, OPT_MOUNT},
	WQCTL_HELP_OPTION,
	{0},
};

static int take(const struct wqctl_cmd *cmd, struct monitor_options *o, int option)
{
	switch (option) {
	case 'o':
		o->output = optarg;
		return -1;
	case 'f':
		return args_filter(cmd, optarg, &o->filter);
	case 'r':
		o->recursive = true;
		return -1;
	case OPT_PERSISTENT:
		o->persistent = true;
		return -1;
	case 'q':
		o->quiet = true;
		return -1;
	case OPT_MOUNT:
		o->mount = optarg;
		return -1;
	default:
		return wqctl_other_option(cmd, option);
	}
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct monitor_options o = {
		.ready_fd = -1,
		.lead = -1,
		.style = {.format = WQFS_FORMAT_JSON},
		.begin = recording_begin,
	};
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "o:f:rqh", options, NULL)) != -1)
		status = take(cmd, &o, option);
	return status < 0 ? monitor_run(&o, argv + optind) : status;
}

const struct wqctl_cmd wqctl_record = {
	.name = "record",
	.args = "[-qr] [-o FILE] [-f FILTER] [--persistent] [--mount DIR] [KEY...]",
	.summary = "Record what happens to keys, until interrupted",
	.help = "  -o, --output FILE    write to FILE, not to standard output\n"
		"  -f, --filter FILTER  only these, in the words of wqctl filter\n"
		"  -r, --recursive      watch all keys below a keyring, too\n"
		"      --persistent     watch your persistent keyring, too\n"
		"  -q, --quiet          do not say on stderr when all watches stand\n"
		"      --mount DIR      the wqfs to use\n"
		"\n"
		"wqctl replay shows a recording. It holds what keys are called and who "
		"changed\n"
		"them, but no payload.\n",
	.run = run,
};
