/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain.h"

#include <fcntl.h>

#include "queue_fd.h"
#include "stat.h"

/* A file without a name can be reached only by a descriptor or through /proc. */
COLD bool wqshim_shows_queue(int dir, const char *path)
{
	if (!path || !*path)
		return wqshim_is_queue(dir);
	return (dir == AT_FDCWD || *path == '/') && wqshim_names_queue(path);
}

void wqshim_show_stat(int dir, const char *path, struct stat *st)
{
	WQSHIM_SHOW(dir, path, st, st_);
}

void wqshim_show_statx(int dir, const char *path, struct statx *st)
{
	WQSHIM_SHOW(dir, path, st, stx_);
}
