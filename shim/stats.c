/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points of the stat family. Nearly all files have a name, so one comparison tells
 * nearly every other file from a queue of pipe2().
 */
#include "plain.h"

#include "stat_entry.h"

STAT_ENTRY(fstat, "fstat", (int fd, struct stat *st), (fd, st), fd, NULL, st_)
STAT_ENTRY(fstat64, "fstat64", (int fd, struct stat64 *st), (fd, st), fd, NULL, st_)
STAT_ENTRY(stat, "stat", (const char *path, struct stat *st), (path, st), AT_FDCWD, path, st_)
STAT_ENTRY(stat64, "stat64", (const char *path, struct stat64 *st), (path, st), AT_FDCWD, path,
	st_)
STAT_ENTRY(fstatat, "fstatat", (int dir, const char *path, struct stat *st, int flags),
	(dir, path, st, flags), dir, path, st_)
STAT_ENTRY(fstatat64, "fstatat64", (int dir, const char *path, struct stat64 *st, int flags),
	(dir, path, st, flags), dir, path, st_)
STAT_ENTRY(statx, "statx",
	(int dir, const char *path, int flags, unsigned int mask, struct statx *st),
	(dir, path, flags, mask, st), dir, path, stx_)

/* Entry points for programs that were built with glibc before 2.33. */
STAT_ENTRY(fxstat, "__fxstat", (int version, int fd, struct stat *st), (version, fd, st), fd,
	NULL, st_)
STAT_ENTRY(fxstat64, "__fxstat64", (int version, int fd, struct stat64 *st), (version, fd, st),
	fd, NULL, st_)
STAT_ENTRY(xstat, "__xstat", (int version, const char *path, struct stat *st),
	(version, path, st), AT_FDCWD, path, st_)
STAT_ENTRY(xstat64, "__xstat64", (int version, const char *path, struct stat64 *st),
	(version, path, st), AT_FDCWD, path, st_)
STAT_ENTRY(fxstatat, "__fxstatat",
	(int version, int dir, const char *path, struct stat *st, int flags),
	(version, dir, path, st, flags), dir, path, st_)
STAT_ENTRY(fxstatat64, "__fxstatat64",
	(int version, int dir, const char *path, struct stat64 *st, int flags),
	(version, dir, path, st, flags), dir, path, st_)
