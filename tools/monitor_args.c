/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor_args.h"

#include <getopt.h>

#include "args.h"

void monitor_args_init(struct monitor_options *o)
{
	*o = (struct monitor_options){.ready_fd = -1, .lead = -1};
}

bool monitor_args_take(
	const struct wqctl_cmd *cmd, struct monitor_options *o, int option, int *status)
{
	*status = -1;
	switch (option) {
	case 'f':
		*status = args_filter(cmd, optarg, &o->filter);
		return true;
	case 'r':
		o->recursive = true;
		return true;
	case MONITOR_PERSISTENT:
		o->persistent = true;
		return true;
	case 'q':
		o->quiet = true;
		return true;
	case MONITOR_MOUNT:
		o->mount = optarg;
		return true;
	default:
		return false;
	}
}
