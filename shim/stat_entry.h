/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Defines entry points of the stat family, with the struct stat of the file that includes this.
 */
#ifndef WQSHIM_STAT_ENTRY_H
#define WQSHIM_STAT_ENTRY_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "export.h"
#include "next.h"
#include "stat.h"

/* Defines the entry point SYMBOL, which fills ST for PATH below DIR. */
#define STAT_ENTRY(name, symbol, params, args, dir, path, field)         \
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
			WQSHIM_SHOW(dir, path, st, field);               \
		return ret;                                              \
	}

#endif
