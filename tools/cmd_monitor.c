/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <stdlib.h>

#include "args.h"
#include "base/clock.h"
#include "monitor_args.h"
#include "style_args.h"

/* Options without a letter. */
enum { OPT_READY = 256, OPT_TIMEOUT, OPT_EXPIRING, OPT_JOURNAL };

#define LETTERS "t1n:x:h" MONITOR_LETTERS

static const struct option options[] = {
	MONITOR_OPTIONS,
	{"format", required_argument, NULL, STYLE_FORMAT},
	{"template", required_argument, NULL, STYLE_TEMPLATE},
	{"time", no_argument, NULL, 't'},
	{"utc", no_argument, NULL, STYLE_UTC},
	{"local", no_argument, NULL, STYLE_LOCAL},
	{"who", no_argument, NULL, STYLE_WHO},
	{"count", required_argument, NULL, 'n'},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"expiring", required_argument, NULL, OPT_EXPIRING},
	{"exec", required_argument, NULL, 'x'},
	{"journal", no_argument, NULL, OPT_JOURNAL},
	{"ready-fd", required_argument, NULL, OPT_READY},
	WQCTL_HELP_OPTION,
	{0},
};

struct arguments {
	struct monitor_options o;
	struct style_args style;
};

/* The options that say when it ends, and whom it tells what. */
static int take_end(const struct wqctl_cmd *cmd, struct arguments *args, int option)
{
	struct monitor_options *o = &args->o;

	switch (option) {
	case '1':
		o->count = 1;
		return -1;
	case 'n':
		return args_records(cmd, optarg, &o->count);
	case OPT_TIMEOUT:
		o->has_timeout = true;
		return args_seconds(cmd, optarg, &o->timeout_ns);
	case OPT_READY:
		return args_descriptor(cmd, optarg, &o->ready_fd);
	default:
		return style_args_take(cmd, &args->style, option);
	}
}

static int take_expiring(const struct wqctl_cmd *cmd, long *lead)
{
	uint64_t ns = 0;
	int status = args_seconds(cmd, optarg, &ns);

	*lead = (long)(ns / WQ_NSEC_PER_SEC);
	return status;
}

static int take(const struct wqctl_cmd *cmd, struct arguments *args, int option)
{
	struct monitor_options *o = &args->o;
	int status;

	if (monitor_args_take(cmd, o, option, &status))
		return status;
	switch (option) {
	case OPT_EXPIRING:
		return take_expiring(cmd, &o->lead);
	case 'x':
		o->command = optarg;
		return -1;
	case OPT_JOURNAL:
		o->journal = true;
		return -1;
	default:
		return take_end(cmd, args, option);
	}
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	struct arguments args;
	int option, status = -1;

	monitor_args_init(&args.o);
	style_args_init(&args.style);
	while (status < 0 && (option = getopt_long(argc, argv, LETTERS, options, NULL)) != -1)
		status = take(cmd, &args, option);
	args.o.style = args.style.style;
	if (status < 0 && args.o.command && args.o.journal)
		status =
			wqctl_usage(cmd, "options '--exec' and '--journal' exclude each other");
	if (status < 0)
		status = monitor_run(&args.o, argv + optind);
	style_args_fini(&args.style);
	return status;
}

const struct wqctl_cmd wqctl_monitor = {
	.name = "monitor",
	.args = "[OPTION...] [KEY...]",
	.summary = "Print what happens to keys, until interrupted",
	.help = "Without a KEY it watches your session and your user keyring (@s @u).\n"
		"\n"
		"  -f, --filter FILTER    show only these, in the words of wqctl filter\n"
		"  -r, --recursive        watch all keys below a keyring, too, as they come "
		"and go\n"
		"      --persistent       watch your persistent keyring, too\n"
		"      --expiring SECONDS say when a key has so many seconds left, and when "
		"none\n"
		"      --format FORMAT    text, json or raw (text)\n"
		"      --template TEXT    a line is TEXT, with %(time) %(event) %(key) %(aux)\n"
		"                         %(key_description) and other fields of wqctl(1)\n"
		"  -t, --time             text: begin with the time, in UTC\n"
		"      --utc              the same\n"
		"      --local            text: begin with the time in your time zone\n"
		"      --who              has no effect: text always ends with who did it, if "
		"known\n"
		"  -1                     end after one event\n"
		"  -n, --count N          end after N events\n"
		"      --timeout SECONDS  end, with status 2, when nothing happens for so "
		"long\n"
		"  -x, --exec COMMAND     print nothing, run COMMAND for each event, one at a "
		"time\n"
		"      --journal          print nothing, add an entry to the systemd journal for "
		"each\n"
		"                         event\n"
		"  -q, --quiet            do not say on stderr when all watches stand\n"
		"      --ready-fd FD      write a line to FD when all watches stand\n"
		"      --mount DIR        the wqfs to use\n"
		"\n"
		"It uses a queue of its own that has no name. The exit status is 0 when it is\n"
		"interrupted, when it has shown so many events, and when all keys have been\n"
		"destroyed.\n",
	.run = run,
};
