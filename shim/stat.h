/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes stat() and its relatives show a queue without a name as the pipe that it replaces. All
 * functions are safe in threads, after fork and in signal handlers, and keep errno.
 */
#ifndef WQSHIM_STAT_H
#define WQSHIM_STAT_H

#include <sys/stat.h>

/* The kernel has filled ST for PATH below DIR, or for the descriptor DIR if PATH is NULL or
 * empty. If that file is a queue without a name, changes ST to that of a pipe. */
void wqshim_show_stat(int dir, const char *path, struct stat *st);
void wqshim_show_statx(int dir, const char *path, struct statx *st);

#endif
