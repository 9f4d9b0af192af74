/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In the place of tree_live.c and tree_replay_live.c where wqctl is built without ncurses. */
#include <stdio.h>

#include "base/unused.h"
#include "tree_live.h"
#include "tree_replay.h"
#include "wqctl.h"

static int complain(void)
{
	fputs("wqctl: --live: wqctl was built without ncurses\n", stderr);
	return WQCTL_FAILURE;
}

int tree_live_run(const struct tree_live_options *o WQ_UNUSED, char *const *keys WQ_UNUSED)
{
	return complain();
}

int tree_replay_live(
	const char *path WQ_UNUSED, bool paced WQ_UNUSED, uint64_t hold_ns WQ_UNUSED)
{
	return complain();
}
