/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "args.h"
#include "replay.h"
#include "style_args.h"

enum { OPT_PACED = 256 };

static const struct option options[] = {
	{"filter", required_argument, NULL, 'f'},
	{"format", required_argument, NULL, STYLE_FORMAT},
	{"template", required_argument, NULL, STYLE_TEMPLATE},
	{"time", no_argument, NULL, 't'},
	{"utc", no_argument, NULL, STYLE_UTC},
	{"local", no_argument, NULL, STYLE_LOCAL},
	{"paced", no_argument, NULL, OPT_PACED},
	WQCTL_HELP_OPTION,
	{0},
};

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct style_args style;
	struct replay_options o = {0};
	int option, status = -1;

	style_args_init(&style);
	while (status < 0 && (option = getopt_long(argc, argv, "f:th", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			status = args_filter(cmd, optarg, &o.filter);
			break;
		case OPT_PACED:
			o.paced = true;
			break;
		default:
			status = style_args_take(cmd, &style, option);
		}
	}
	if (status < 0)
		status = wqctl_check_operands(cmd, argc, argv, 1, 1);
	o.style = style.style;
	if (status < 0)
		status = replay_run(&o, argv[optind]);
	style_args_fini(&style);
	return status;
}

const struct wqctl_cmd wqctl_replay = {
	.name = "replay",
	.args = "[-t] [-f FILTER] [--format FORMAT | --template TEXT] [--utc | --local]\n"
		"                    [--paced] FILE",
	.summary = "Show a recording as wqctl monitor would have shown it",
	.help = "  -f, --filter FILTER  show only these, in the words of wqctl filter\n"
		"      --format FORMAT  text, json or raw (text)\n"
		"      --template TEXT  a line is TEXT: see wqctl monitor\n"
		"  -t, --time           text: begin with the time, in UTC\n"
		"      --utc            the same\n"
		"      --local          text: begin with the time in your time zone\n"
		"      --paced          wait between events as long as it was\n"
		"\n"
		"FILE is what wqctl record has written; '-' is standard input. wqctl tree "
		"--replay\n"
		"shows its keys.\n",
	.run = run,
};
