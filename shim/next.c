/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "next.h"

_Atomic(void *) wqshim_fns[WQSHIM_FNS];

static const char *const names[WQSHIM_FNS] = {
	[WQSHIM_IOCTL] = "ioctl",
	[WQSHIM_PIPE2] = "pipe2",
	[WQSHIM_READ] = "read",
	[WQSHIM_READ_CHK] = "__read_chk",
	[WQSHIM_READV] = "readv",
	[WQSHIM_SYSCALL] = "syscall",
};

void *wqshim_resolve(enum wqshim_fn fn)
{
	int saved = errno;
	void *next = dlsym(RTLD_NEXT, names[fn]);

	atomic_store_explicit(&wqshim_fns[fn], next, memory_order_relaxed);
	errno = saved;
	return next;
}

long wqshim_sys_array(long nr, const long args[6])
{
	long (*next)(long, ...) = wqshim_next(WQSHIM_SYSCALL);
	int saved = errno;
	long ret = next(nr, args[0], args[1], args[2], args[3], args[4], args[5]);

	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
}
