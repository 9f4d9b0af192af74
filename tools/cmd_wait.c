/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <stdlib.h>

#include "args.h"
#include "wait.h"

enum { OPT_IN = 256, OPT_GONE, OPT_REVOKED, OPT_UPDATED, OPT_TIMEOUT, OPT_MOUNT };

static const struct option options[] = {
	{"in", required_argument, NULL, OPT_IN},
	{"gone", no_argument, NULL, OPT_GONE},
	{"revoked", no_argument, NULL, OPT_REVOKED},
	{"updated", no_argument, NULL, OPT_UPDATED},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"mount", required_argument, NULL, OPT_MOUNT},
	WQCTL_HELP_OPTION,
	{0},
};

/* NR is how many RINGS there are. */
static int take(const struct wqctl_cmd *cmd, struct wait_options *o, size_t *nr, int option)
{
	switch (option) {
	case OPT_IN:
		o->rings[(*nr)++] = optarg;
		return -1;
	case OPT_GONE:
		o->what = WAIT_FOR_END;
		return -1;
	case OPT_REVOKED:
		o->what = WAIT_FOR_REVOCATION;
		return -1;
	case OPT_UPDATED:
		o->what = WAIT_FOR_UPDATE;
		return -1;
	case OPT_TIMEOUT:
		o->has_timeout = true;
		return args_seconds(cmd, optarg, &o->timeout_ns);
	case OPT_MOUNT:
		o->mount = optarg;
		return -1;
	default:
		return wqctl_other_option(cmd, option);
	}
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	/* No more rings than arguments. */
	struct wait_options o = {.rings = calloc((size_t)argc + 1, sizeof(char *))};
	int option, status = -1;
	size_t nr = 0;

	if (!o.rings)
		return WQCTL_FAILURE;
	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = take(cmd, &o, &nr, option);
	if (status < 0)
		status = wqctl_check_operands(cmd, argc, argv, 1, 1);
	if (status < 0)
		status = wait_run(&o, argv[optind]);
	free(o.rings);
	return status;
}

const struct wqctl_cmd wqctl_wait = {
	.name = "wait",
	.args = "[--in RING]... [--gone | --revoked | --updated] [--timeout SECONDS]\n"
		"                  [--mount DIR] KEY | TYPE:DESCRIPTION",
	.summary = "Wait for a key to come, to end or to change",
	.help = "      --in RING          wait for a key of that name in RING and all "
		"keyrings\n"
		"                         below (@s and @u)\n"
		"      --gone             until no such key is left: revoked, invalidated, "
		"expired,\n"
		"                         destroyed, or unlinked\n"
		"      --revoked          until it is revoked\n"
		"      --updated          until it is updated\n"
		"      --timeout SECONDS  end, with status 2, after so long\n"
		"      --mount DIR        the wqfs to use\n"
		"\n"
		"It prints the serial of the key. It does not poll: it watches the keyrings.\n",
	.run = run,
};
