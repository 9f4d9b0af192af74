/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points of the preload library, and the only place that sets errno.
 *
 * Each entry point finds out by one or two comparisons whether the call is one of ours, and
 * else passes it to the next function of its name. They have fixed arguments where the C
 * library's have variable ones, so that passing on is a jump: every calling convention of Linux
 * passes integer arguments alike in both, and an argument that the caller did not give is
 * passed on as it is found. Their C names are our own, so that they clash with no declaration
 * of any C library.
 *
 * The functions of libkeyutils all call syscall(), and so come here. keyctl_watch_key() is
 * defined for programs whose libkeyutils does not have it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <linux/keyctl.h>

#include "export.h"
#include "keys.h"
#include "next.h"
#include "queue_fd.h"
#include "read.h"
#include "stat.h"
#include "wqfs.h"

int wqshim_ioctl(int fd, unsigned long request, void *arg) EXPORT("ioctl");
int wqshim_ioctl_time64(int fd, unsigned long request, void *arg) EXPORT("__ioctl_time64");
int wqshim_pipe2(int fds[2], int flags) EXPORT("pipe2");
int wqshim_fcntl(int fd, int cmd, void *arg) EXPORT("fcntl");
int wqshim_fcntl64(int fd, int cmd, void *arg) EXPORT("fcntl64");
int wqshim_fcntl_time64(int fd, int cmd, void *arg) EXPORT("__fcntl_time64");
ssize_t wqshim_read(int fd, void *buf, size_t size) EXPORT("read");
ssize_t wqshim_readv(int fd, const struct iovec *iov, int count) EXPORT("readv");
ssize_t wqshim_read_chk(int fd, void *buf, size_t size, size_t room) EXPORT("__read_chk");
long wqshim_syscall(long nr, long a, long b, long c, long d, long e, long f) EXPORT("syscall");
long wqshim_keyctl_watch_key(int key, int fd, int watch_id) EXPORT("keyctl_watch_key");

static long set_errno(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* IOC_WATCH_QUEUE_SET_SIZE and PIPE_IOC_SYNC need no help: a mount answers them. */
static COLD int own_ioctl(int fd, unsigned long request, void *arg)
{
	int saved = errno;
	long ret = -ENOTTY;
	struct statx st;

	if ((unsigned int)request == FIONREAD) {
		if (wqshim_is_queue(fd))
			ret = wqshim_sys(SYS_ioctl, fd, (long)WQFS_IOC_GET_BYTES, (long)arg);
		if (ret != -ENOTTY)
			return (int)set_errno(ret);
		/* A mount of an earlier version. This makes the kernel ask the daemon; else it
		 * answers with the last size that it knew. */
		wqshim_sys(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_SIZE, (long)&st);
		errno = saved;
	} else if (wqshim_is_queue(fd)) {
		return (int)set_errno(wqshim_set_filter(fd, arg));
	}
	return WQSHIM_NEXT(ioctl)(fd, request, arg);
}

int wqshim_ioctl(int fd, unsigned long request, void *arg)
{
	switch ((unsigned int)request) {
	case IOC_WATCH_QUEUE_SET_FILTER:
	case FIONREAD:
		return own_ioctl(fd, request, arg);
	}
	return WQSHIM_NEXT(ioctl)(fd, request, arg);
}

int wqshim_ioctl_time64(int fd, unsigned long request, void *arg)
{
	return wqshim_ioctl(fd, request, arg);
}

int wqshim_pipe2(int fds[2], int flags)
{
	if (unlikely(flags & O_NOTIFICATION_PIPE))
		return (int)set_errno(wqshim_queue_new(fds, flags));
	return WQSHIM_NEXT(pipe2)(fds, flags);
}

/* F_GETPIPE_SZ and F_SETPIPE_SZ: the size of a pipe, or of a queue, whose size fcntl() cannot
 * change. */
static COLD int size_of_pipe(int fd, int cmd, void *arg)
{
	int saved = errno, size, ret = WQSHIM_NEXT(fcntl)(fd, cmd, arg);

	if (ret >= 0 || errno != EBADF)
		return ret;
	size = wqshim_pipe_size(fd);
	if (size < 0)
		return -1;
	errno = saved;
	return (int)set_errno(cmd == F_GETPIPE_SZ ? size : -EBUSY);
}

int wqshim_fcntl(int fd, int cmd, void *arg)
{
	if (unlikely(cmd == F_GETPIPE_SZ || cmd == F_SETPIPE_SZ))
		return size_of_pipe(fd, cmd, arg);
	return WQSHIM_NEXT(fcntl)(fd, cmd, arg);
}

int wqshim_fcntl64(int fd, int cmd, void *arg)
{
	if (unlikely(cmd == F_GETPIPE_SZ || cmd == F_SETPIPE_SZ))
		return size_of_pipe(fd, cmd, arg);
	return WQSHIM_NEXT(fcntl64)(fd, cmd, arg);
}

int wqshim_fcntl_time64(int fd, int cmd, void *arg)
{
	return wqshim_fcntl64(fd, cmd, arg);
}

/* True if the failed read of FD is to be repeated. SAVED is errno as it was before the first
 * try: if the second succeeds the program must not see the error of the first. */
static COLD bool again(int fd, int saved)
{
	if (errno != EINTR || !wqshim_read_restarts(fd))
		return false;
	errno = saved;
	return true;
}

/* Reads what may be a queue without waiting in read(). */
static COLD ssize_t read_saving_errno(int fd, void *buf, size_t size, int saved)
{
	const struct iovec to = {buf, size};
	ssize_t ret;

	if (wqshim_wait_read(fd, &to, 1, &ret))
		return set_errno(ret);
	do
		ret = WQSHIM_NEXT(read)(fd, buf, size);
	while (ret < 0 && again(fd, saved));
	return ret;
}

/* The first queue that this process uses may be one that it inherited. The earlier value of
 * errno is lost here. */
static COLD ssize_t read_failed(int fd, void *buf, size_t size)
{
	return again(fd, 0) ? read_saving_errno(fd, buf, size, 0) : -1;
}

/* Saving errno would double the cost of this function, so programs without queues are spared
 * that. */
ssize_t wqshim_read(int fd, void *buf, size_t size)
{
	ssize_t ret;

	if (unlikely(wqshim_met_queue()))
		return read_saving_errno(fd, buf, size, errno);
	ret = WQSHIM_NEXT(read)(fd, buf, size);
	return unlikely(ret < 0) ? read_failed(fd, buf, size) : ret;
}

ssize_t wqshim_readv(int fd, const struct iovec *iov, int count)
{
	int saved = errno;
	ssize_t ret;

	if (unlikely(wqshim_met_queue()) && wqshim_wait_readv(fd, iov, count, &ret))
		return set_errno(ret);
	do
		ret = WQSHIM_NEXT(readv)(fd, iov, count);
	while (unlikely(ret < 0) && again(fd, saved));
	return ret;
}

ssize_t wqshim_read_chk(int fd, void *buf, size_t size, size_t room)
{
	int saved = errno;
	ssize_t ret;

	if (unlikely(wqshim_met_queue()) && size <= room)
		return read_saving_errno(fd, buf, size, saved);
	do
		ret = WQSHIM_NEXT(read_chk)(fd, buf, size, room);
	while (unlikely(ret < 0) && again(fd, saved));
	return ret;
}

/* Takes its arguments in registers, so that passing on needs no stack. */
static COLD long own_syscall(long nr, long a, long b, long c, long d, long e)
{
	switch (nr) {
	case SYS_keyctl:
		return set_errno(wqshim_keyctl((int)a, (const long[4]){b, c, d, e}));
	case SYS_add_key:
		return set_errno(wqshim_add_key((const long[5]){a, b, c, d, e}));
	case SYS_request_key:
		return set_errno(wqshim_request_key((const long[4]){a, b, c, d}));
	case SYS_pipe2:
		return wqshim_pipe2((int *)a, (int)b);
	case SYS_fcntl:
		return wqshim_fcntl((int)a, (int)b, (void *)c);
#ifdef SYS_fcntl64
	case SYS_fcntl64:
		return wqshim_fcntl64((int)a, (int)b, (void *)c);
#endif
	case SYS_read:
		return wqshim_read((int)a, (void *)b, (size_t)c);
	case SYS_readv:
		return wqshim_readv((int)a, (const struct iovec *)b, (int)c);
	default:
		return wqshim_ioctl((int)a, (unsigned long)b, (void *)c);
	}
}

/* The kernel's struct statx is that of every C library. Its struct stat is so on 64-bit
 * systems. */
static COLD long stat_syscall(long nr, long a, long b, long c, long d, long e)
{
	long ret = WQSHIM_NEXT(syscall)(nr, a, b, c, d, e);

	if (ret != 0)
		return ret;
	if (nr == SYS_statx)
		wqshim_show_statx((int)a, (const char *)b, (struct statx *)e);
#if __SIZEOF_POINTER__ == 8
	else if (nr == SYS_fstat)
		wqshim_show_stat((int)a, NULL, (struct stat *)b);
	else
		wqshim_show_stat((int)a, (const char *)b, (struct stat *)c);
#endif
	return 0;
}

long wqshim_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	switch (nr) {
	case SYS_keyctl:
	case SYS_add_key:
	case SYS_request_key:
	case SYS_pipe2:
	case SYS_ioctl:
	case SYS_fcntl:
#ifdef SYS_fcntl64
	case SYS_fcntl64:
#endif
	case SYS_read:
	case SYS_readv:
		return own_syscall(nr, a, b, c, d, e);
#if __SIZEOF_POINTER__ == 8
	case SYS_fstat:
	case SYS_newfstatat:
#endif
	case SYS_statx:
		return stat_syscall(nr, a, b, c, d, e);
	}
	return WQSHIM_NEXT(syscall)(nr, a, b, c, d, e, f);
}

long wqshim_keyctl_watch_key(int key, int fd, int watch_id)
{
	const long arg[4] = {key, fd, watch_id};

	return set_errno(wqshim_keyctl(KEYCTL_WATCH_KEY, arg));
}
