/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "args.h"
#include "queue_file.h"
#include "wqctl.h"

static bool show_size(const struct queue_file *q)
{
	struct wqfs_stats stats;

	if (!queue_file_stats(q, &stats))
		return false;
	printf("%u\n", stats.size);
	return true;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 1, 2);
	struct queue_file q;
	unsigned long nr;
	bool set, done;

	if (status >= 0)
		return status;
	set = argc - optind > 1;
	if (set && !args_number(argv[optind + 1], &nr))
		return wqctl_usage(cmd, "invalid number of records: '%s'", argv[optind + 1]);
	if (!queue_file_open(&q, argv[optind]))
		return WQCTL_FAILURE;
	done = set ? queue_file_set_size(&q, nr) : show_size(&q);
	queue_file_close(&q);
	return done ? WQCTL_OK : WQCTL_FAILURE;
}

const struct wqctl_cmd wqctl_size = {
	.name = "size",
	.args = "QUEUE [N]",
	.summary = "Show how many records a queue can hold, or set it",
	.help = "A size can be set once in a queue's life, and is rounded up to a multiple of "
		"32.\n",
	.run = run,
};
