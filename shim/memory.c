/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory.h"
#include "next.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool wqshim_fetch(void *to, const void *from, size_t len)
{
	struct iovec local = {to, len}, remote = {(void *)from, len};

	return wqshim_sys(SYS_process_vm_readv, getpid(), (long)&local, 1, (long)&remote, 1,
		       0) == (long)len;
}

bool wqshim_is_writable(const void *to, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = (uintptr_t)to & ~(page - 1), end = (uintptr_t)to + len;

	return end >= begin && wqshim_sys(SYS_madvise, (long)begin, (long)(end - begin),
				       MADV_POPULATE_WRITE) == 0;
}
