/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points for programs whose times have 64 bits, on 32-bit systems where other
 * programs' have 32: glibc has functions of other names for them, which no 64-bit system has.
 */
#include "config.h"

#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS	  64

#include <sys/types.h>

#if defined(__TIMESIZE) && __TIMESIZE == 32

#include "stat_entry.h"
#include "wait_entry.h"

PPOLL_ENTRY(ppoll64, "__ppoll64")
PPOLL_CHK_ENTRY(ppoll64_chk, "__ppoll64_chk")
SELECT_ENTRY(select64, "__select64")
PSELECT_ENTRY(pselect64, "__pselect64")
STAT_ENTRY(fstat_time64, "__fstat64_time64", (int fd, struct stat *st), (fd, st), fd, NULL, st_)
STAT_ENTRY(stat_time64, "__stat64_time64", (const char *path, struct stat *st), (path, st),
	AT_FDCWD, path, st_)
STAT_ENTRY(fstatat_time64, "__fstatat64_time64",
	(int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags), dir,
	path, st_)

#endif
