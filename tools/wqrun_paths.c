/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wqrun_paths.h"

#include <stdlib.h>

static const char *from_environment(const char *variable, const char *installed)
{
	const char *path = getenv(variable);

	return path && *path ? path : installed;
}

const char *wqrun_daemon_path(void)
{
	return from_environment("WQRUN_DAEMON", DAEMON_PATH);
}

const char *wqrun_shim_path(void)
{
	return from_environment("WQRUN_SHIM", SHIM_PATH);
}
