/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points of the preload library, and errno, which is set nowhere else.
 *
 * Each looks whether the call is one of ours, by one or two compares, and else goes to
 * the next function of its name. They are defined with fixed arguments where the C
 * library's take variable ones, so that passing on is a jump: every calling convention
 * of Linux passes integer arguments alike in both, and an argument that the caller did
 * not give is passed on as it is found. Their C names are our own, so that they meet
 * no declaration that differs from library to library.
 *
 * libkeyutils' functions all come here by syscall(); keyctl_watch_key() is defined
 * beside it for programs whose libkeyutils does not have it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <linux/keyctl.h>

#include "keys.h"
#include "next.h"
#include "queue_fd.h"
#include "wqfs.h"

#define EXPORT(symbol) __asm__(symbol) __attribute__((visibility("default")))

int wqshim_ioctl(int fd, unsigned long request, void *arg) EXPORT("ioctl");
int wqshim_ioctl_time64(int fd, unsigned long request, void *arg) EXPORT("__ioctl_time64");
int wqshim_pipe2(int fds[2], int flags) EXPORT("pipe2");
ssize_t wqshim_read(int fd, void *buf, size_t size) EXPORT("read");
ssize_t wqshim_readv(int fd, const struct iovec *iov, int count) EXPORT("readv");
ssize_t wqshim_read_chk(int fd, void *buf, size_t size, size_t room) EXPORT("__read_chk");
long wqshim_syscall(long nr, long a, long b, long c, long d, long e, long f) EXPORT("syscall");
long wqshim_keyctl_watch_key(int key, int fd, int watch_id) EXPORT("keyctl_watch_key");

#define COLD	    __attribute__((cold, noinline))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static long set_errno(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

static int next_ioctl(int fd, unsigned long request, void *arg)
{
	int (*next)(int, unsigned long, ...) = wqshim_next(WQSHIM_IOCTL);

	return next(fd, request, arg);
}

/* IOC_WATCH_QUEUE_SET_SIZE and PIPE_IOC_SYNC need no help: a mount knows them. */
static COLD int own_ioctl(int fd, unsigned long request, void *arg)
{
	int saved = errno;
	struct stat st;

	if ((unsigned int)request == FIONREAD) {
		fstat(fd, &st); /* the kernel answers with the size it last heard of */
		errno = saved;
	} else if (wqshim_is_queue(fd)) {
		return (int)set_errno(wqshim_set_filter(fd, arg));
	}
	return next_ioctl(fd, request, arg);
}

int wqshim_ioctl(int fd, unsigned long request, void *arg)
{
	switch ((unsigned int)request) {
	case IOC_WATCH_QUEUE_SET_FILTER:
	case FIONREAD:
		return own_ioctl(fd, request, arg);
	}
	return next_ioctl(fd, request, arg);
}

int wqshim_ioctl_time64(int fd, unsigned long request, void *arg)
{
	return wqshim_ioctl(fd, request, arg);
}

int wqshim_pipe2(int fds[2], int flags)
{
	int (*next)(int[2], int);

	if (unlikely(flags & O_NOTIFICATION_PIPE))
		return (int)set_errno(wqshim_queue_new(fds, flags));
	next = wqshim_next(WQSHIM_PIPE2);
	return next(fds, flags);
}

/* True if a read of FD that returned RET is to be done again. SAVED is errno as it was
 * before: who succeeds at the second go shall not see the first. */
static bool again(int fd, ssize_t ret, int saved)
{
	if (likely(ret >= 0) || errno != EINTR || !wqshim_read_restarts(fd))
		return false;
	errno = saved;
	return true;
}

ssize_t wqshim_read(int fd, void *buf, size_t size)
{
	ssize_t (*next)(int, void *, size_t) = wqshim_next(WQSHIM_READ);
	int saved = errno;
	ssize_t ret;

	do
		ret = next(fd, buf, size);
	while (unlikely(again(fd, ret, saved)));
	return ret;
}

ssize_t wqshim_readv(int fd, const struct iovec *iov, int count)
{
	ssize_t (*next)(int, const struct iovec *, int) = wqshim_next(WQSHIM_READV);
	int saved = errno;
	ssize_t ret;

	do
		ret = next(fd, iov, count);
	while (unlikely(again(fd, ret, saved)));
	return ret;
}

ssize_t wqshim_read_chk(int fd, void *buf, size_t size, size_t room)
{
	ssize_t (*next)(int, void *, size_t, size_t) = wqshim_next(WQSHIM_READ_CHK);
	int saved = errno;
	ssize_t ret;

	do
		ret = next(fd, buf, size, room);
	while (unlikely(again(fd, ret, saved)));
	return ret;
}

static COLD long own_syscall(long nr, const long arg[5])
{
	switch (nr) {
	case SYS_keyctl:
		return set_errno(wqshim_keyctl((int)arg[0], arg + 1));
	case SYS_add_key:
		return set_errno(wqshim_add_key(arg));
	case SYS_request_key:
		return set_errno(wqshim_request_key(arg));
	case SYS_pipe2:
		return wqshim_pipe2((int *)arg[0], (int)arg[1]);
	default:
		return wqshim_ioctl((int)arg[0], (unsigned long)arg[1], (void *)arg[2]);
	}
}

long wqshim_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	long (*next)(long, ...);

	switch (nr) {
	case SYS_keyctl:
	case SYS_add_key:
	case SYS_request_key:
	case SYS_pipe2:
	case SYS_ioctl:
		return own_syscall(nr, (const long[5]){a, b, c, d, e});
	}
	next = wqshim_next(WQSHIM_SYSCALL);
	return next(nr, a, b, c, d, e, f);
}

long wqshim_keyctl_watch_key(int key, int fd, int watch_id)
{
	const long arg[4] = {key, fd, watch_id};

	return set_errno(wqshim_keyctl(KEYCTL_WATCH_KEY, arg));
}
