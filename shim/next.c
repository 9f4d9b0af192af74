/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#include "next.h"

static void *look_up(const char *name)
{
	int saved = errno;
	void *next = dlsym(RTLD_NEXT, name);

	errno = saved;
	return next;
}

void *wqshim_next_by_name(_Atomic(void *) *found, const char *name)
{
	void *next = atomic_load_explicit(found, memory_order_relaxed);

	if (!next) {
		next = look_up(name);
		atomic_store_explicit(found, next, memory_order_relaxed);
	}
	return next;
}

/* Looks up the next SYMBOL and stores it in the pointer of NAME. */
#define FIND(name, symbol)                                                               \
	({                                                                               \
		wqshim_##name##_fn *found = look_up(symbol);                             \
		atomic_store_explicit(&wqshim_next_##name, found, memory_order_relaxed); \
		found;                                                                   \
	})

static int first_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return FIND(ioctl, "ioctl")(fd, request, arg);
}

static int first_pipe2(int fds[2], int flags)
{
	return FIND(pipe2, "pipe2")(fds, flags);
}

static int first_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return FIND(fcntl, "fcntl")(fd, cmd, arg);
}

static int first_fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return FIND(fcntl64, "fcntl64")(fd, cmd, arg);
}

static ssize_t first_read(int fd, void *buf, size_t size)
{
	return FIND(read, "read")(fd, buf, size);
}

static ssize_t first_read_chk(int fd, void *buf, size_t size, size_t room)
{
	return FIND(read_chk, "__read_chk")(fd, buf, size, room);
}

static ssize_t first_readv(int fd, const struct iovec *iov, int count)
{
	return FIND(readv, "readv")(fd, iov, count);
}

static long first_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return FIND(syscall, "syscall")(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

_Atomic(wqshim_ioctl_fn *) wqshim_next_ioctl = first_ioctl;
_Atomic(wqshim_pipe2_fn *) wqshim_next_pipe2 = first_pipe2;
_Atomic(wqshim_fcntl_fn *) wqshim_next_fcntl = first_fcntl;
_Atomic(wqshim_fcntl64_fn *) wqshim_next_fcntl64 = first_fcntl64;
_Atomic(wqshim_read_fn *) wqshim_next_read = first_read;
_Atomic(wqshim_read_chk_fn *) wqshim_next_read_chk = first_read_chk;
_Atomic(wqshim_readv_fn *) wqshim_next_readv = first_readv;
_Atomic(wqshim_syscall_fn *) wqshim_next_syscall = first_syscall;

long wqshim_sys_array(long nr, const long args[6])
{
	int saved = errno;
	long ret =
		WQSHIM_NEXT(syscall)(nr, args[0], args[1], args[2], args[3], args[4], args[5]);

	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
}
