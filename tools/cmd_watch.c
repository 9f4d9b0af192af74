/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "args.h"
#include "queue_file.h"
#include "wqctl.h"

/* The id that keyctl watch uses. */
#define DEFAULT_ID 1

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 2, 3);
	unsigned long id = DEFAULT_ID;
	struct queue_file q;
	bool done;

	if (status >= 0)
		return status;
	if (argc - optind > 2 &&
		(!args_number(argv[optind + 2], &id) || id > WQFS_WATCH_ID_MAX))
		return wqctl_usage(cmd, "invalid watch id: '%s': must be from 0 to %d",
			argv[optind + 2], WQFS_WATCH_ID_MAX);
	if (!queue_file_open(&q, argv[optind]))
		return WQCTL_FAILURE;
	done = queue_file_watch(&q, argv[optind + 1], (int32_t)id);
	queue_file_close(&q);
	return done ? WQCTL_OK : WQCTL_FAILURE;
}

const struct wqctl_cmd wqctl_watch = {
	.name = "watch",
	.args = "QUEUE KEY [ID]",
	.summary = "Make a queue watch a key",
	.help = "ID, from 0 to 255 (1), is in every record of this watch.\n"
		"You need View on the key. @p and @t are keyrings of wqctl itself and end with "
		"it.\n",
	.run = run,
};
