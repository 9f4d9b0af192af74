/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In the place of tree_live.c where wqctl is built without ncurses. */
#include <stdio.h>

#include "base/unused.h"
#include "tree_live.h"
#include "wqctl.h"

int tree_live_run(const struct tree_live_options *o WQ_UNUSED, char *const *keys WQ_UNUSED)
{
	fputs("wqctl: --live: wqctl was built without ncurses\n", stderr);
	return WQCTL_FAILURE;
}
