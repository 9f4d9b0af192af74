/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "monitor_args.h"
#include "recording.h"

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	MONITOR_OPTIONS,
	WQCTL_HELP_OPTION,
	{0},
};

static int take(const struct wqctl_cmd *cmd, struct monitor_options *o, int option)
{
	int status;

	if (monitor_args_take(cmd, o, option, &status))
		return status;
	if (option != 'o')
		return wqctl_other_option(cmd, option);
	o->output = optarg;
	return -1;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct monitor_options o;
	int option, status = -1;

	monitor_args_init(&o);
	o.style.format = WQFS_FORMAT_JSON;
	o.begin = recording_begin;
	while (status < 0 &&
		(option = getopt_long(argc, argv, "o:h" MONITOR_LETTERS, options, NULL)) != -1)
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
		"wqctl replay shows a recording, and wqctl tree --replay its keys. It holds "
		"what\n"
		"keys are called, their owners and rights, and who changed them, but no "
		"payload.\n",
	.run = run,
};
