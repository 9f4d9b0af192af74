/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "queue_file.h"
#include "wqctl.h"

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 2, 2);
	struct queue_file q;
	bool done;

	if (status >= 0)
		return status;
	if (!queue_file_open(&q, argv[optind]))
		return WQCTL_FAILURE;
	done = queue_file_watch(&q, argv[optind + 1], -1);
	queue_file_close(&q);
	return done ? WQCTL_OK : WQCTL_FAILURE;
}

const struct wqctl_cmd wqctl_unwatch = {
	.name = "unwatch",
	.args = "QUEUE KEY",
	.summary = "Stop a queue from watching a key",
	.help = "The queue gets a removal record, as with the kernel's queues.\n",
	.run = run,
};
