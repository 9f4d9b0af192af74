/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that say what is watched, which wqctl monitor and record share. */
#ifndef WQ_MONITOR_ARGS_H
#define WQ_MONITOR_ARGS_H

#include "monitor.h"
#include "wqctl.h"

/* The options that have no letter. */
enum { MONITOR_PERSISTENT = 768, MONITOR_MOUNT };

#define MONITOR_LETTERS "f:rq"
/* clang-format off */
#define MONITOR_OPTIONS \
	{"filter", required_argument, NULL, 'f'}, \
	{"recursive", no_argument, NULL, 'r'}, \
	{"persistent", no_argument, NULL, MONITOR_PERSISTENT}, \
	{"quiet", no_argument, NULL, 'q'}, \
	{"mount", required_argument, NULL, MONITOR_MOUNT}
/* clang-format on */

/* What holds where no option says otherwise. */
void monitor_args_init(struct monitor_options *o);

/* Handles an option of getopt_long(). If it is one of these, stores it in O and sets *STATUS to
 * -1, or after an error message to the exit status. False: it is none of them. */
bool monitor_args_take(
	const struct wqctl_cmd *cmd, struct monitor_options *o, int option, int *status);

#endif
