/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points of the stat family. Nearly all files have a name, so one comparison tells
 * nearly every other file from a queue of pipe2().
 */
#include "config.h"

/* Each entry point must be compiled under its own name, and with its own structure. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "export.h"
#include "next.h"
#include "queue_fd.h"
#include "stat.h"

/* A file without a name can be reached only by a descriptor or through /proc. */
static COLD bool is_queue(int dir, const char *path)
{
	if (!path || !*path)
		return wqshim_is_queue(dir);
	return (dir == AT_FDCWD || *path == '/') && wqshim_names_queue(path);
}

/* What pipe2() makes: an inode of pipefs has size 0 and one link. */
#define SHOW(dir, path, st, field)                                                    \
	do {                                                                          \
		if (unlikely((st)->field##nlink == 0 && S_ISREG((st)->field##mode) && \
			     is_queue(dir, path))) {                                  \
			(st)->field##mode ^= S_IFREG ^ S_IFIFO;                       \
			(st)->field##nlink = 1;                                       \
			(st)->field##size = 0;                                        \
			(st)->field##blocks = 0;                                      \
		}                                                                     \
	} while (0)

void wqshim_show_stat(int dir, const char *path, struct stat *st)
{
	SHOW(dir, path, st, st_);
}

void wqshim_show_statx(int dir, const char *path, struct statx *st)
{
	SHOW(dir, path, st, stx_);
}

/* Defines the entry point SYMBOL, which fills ST for PATH below DIR. */
#define ENTRY(name, symbol, params, args, dir, path, field)              \
	int wqshim_##name params EXPORT(symbol);                         \
	int wqshim_##name params                                         \
	{                                                                \
		static _Atomic(void *) found;                            \
		int(*next) params = wqshim_next_by_name(&found, symbol); \
		int ret;                                                 \
                                                                         \
		if (unlikely(!next)) {                                   \
			errno = ENOSYS;                                  \
			return -1;                                       \
		}                                                        \
		ret = next args;                                         \
		if (ret == 0)                                            \
			SHOW(dir, path, st, field);                      \
		return ret;                                              \
	}

ENTRY(fstat, "fstat", (int fd, struct stat *st), (fd, st), fd, NULL, st_)
ENTRY(fstat64, "fstat64", (int fd, struct stat64 *st), (fd, st), fd, NULL, st_)
ENTRY(stat, "stat", (const char *path, struct stat *st), (path, st), AT_FDCWD, path, st_)
ENTRY(stat64, "stat64", (const char *path, struct stat64 *st), (path, st), AT_FDCWD, path, st_)
ENTRY(fstatat, "fstatat", (int dir, const char *path, struct stat *st, int flags),
	(dir, path, st, flags), dir, path, st_)
ENTRY(fstatat64, "fstatat64", (int dir, const char *path, struct stat64 *st, int flags),
	(dir, path, st, flags), dir, path, st_)
ENTRY(statx, "statx",
	(int dir, const char *path, int flags, unsigned int mask, struct statx *st),
	(dir, path, flags, mask, st), dir, path, stx_)

/* Entry points for programs that were built with glibc before 2.33. */
ENTRY(fxstat, "__fxstat", (int version, int fd, struct stat *st), (version, fd, st), fd, NULL,
	st_)
ENTRY(fxstat64, "__fxstat64", (int version, int fd, struct stat64 *st), (version, fd, st), fd,
	NULL, st_)
ENTRY(xstat, "__xstat", (int version, const char *path, struct stat *st), (version, path, st),
	AT_FDCWD, path, st_)
ENTRY(xstat64, "__xstat64", (int version, const char *path, struct stat64 *st),
	(version, path, st), AT_FDCWD, path, st_)
ENTRY(fxstatat, "__fxstatat",
	(int version, int dir, const char *path, struct stat *st, int flags),
	(version, dir, path, st, flags), dir, path, st_)
ENTRY(fxstatat64, "__fxstatat64",
	(int version, int dir, const char *path, struct stat64 *st, int flags),
	(version, dir, path, st, flags), dir, path, st_)
