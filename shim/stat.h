/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes stat() and its relatives show a queue without a name as the pipe that it replaces. All
 * functions are safe in threads, after fork and in signal handlers, and keep errno.
 */
#ifndef WQSHIM_STAT_H
#define WQSHIM_STAT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "export.h"
#include "statx.h"

/* The kernel has filled ST for PATH below DIR, or for the descriptor DIR if PATH is NULL or
 * empty. If that file is a queue without a name, changes ST to that of a pipe. */
void wqshim_show_stat(int dir, const char *path, struct stat *st);
void wqshim_show_statx(int dir, const char *path, struct statx *st);

/* Is the file PATH below DIR, or the descriptor DIR if PATH is NULL or empty, a queue? To be
 * asked only of a file without a name. */
bool wqshim_shows_queue(int dir, const char *path);

/* Does what wqshim_show_stat() does, for any structure ST: its members begin with FIELD. What
 * pipe2() makes, an inode of pipefs, has size 0 and one link. */
#define WQSHIM_SHOW(dir, path, st, field)                                             \
	do {                                                                          \
		if (unlikely((st)->field##nlink == 0 && S_ISREG((st)->field##mode) && \
			     wqshim_shows_queue(dir, path))) {                        \
			(st)->field##mode ^= S_IFREG ^ S_IFIFO;                       \
			(st)->field##nlink = 1;                                       \
			(st)->field##size = 0;                                        \
			(st)->field##blocks = 0;                                      \
		}                                                                     \
	} while (0)

#endif
