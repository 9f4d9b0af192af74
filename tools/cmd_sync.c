/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "queue_file.h"
#include "wqctl.h"

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 1, 1);
	struct queue_file q;

	if (status >= 0)
		return status;
	if (!queue_file_open(&q, argv[optind]))
		return WQCTL_FAILURE;
	status = queue_file_sync(&q) ? WQCTL_OK : WQCTL_FAILURE;
	queue_file_close(&q);
	return status;
}

const struct wqctl_cmd wqctl_sync = {
	.name = "sync",
	.args = "QUEUE",
	.summary = "Scan all watched keys now",
	.help = "When it returns, the queues hold the records of all earlier changes.\n",
	.run = run,
};
