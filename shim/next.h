/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that ours replace: those of the C library or of the next preloaded library.
 * They are looked up at first use and never in a constructor, because constructors of other
 * libraries call us before ours would run. Each pointer first points at a function that looks
 * up the symbol, replaces the pointer and calls on; after that passing a call on is one jump.
 * Two threads that do this at the same time find the same symbol.
 */
#ifndef WQSHIM_NEXT_H
#define WQSHIM_NEXT_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef int wqshim_ioctl_fn(int fd, unsigned long request, ...);
typedef int wqshim_pipe2_fn(int fds[2], int flags);
typedef int wqshim_fcntl_fn(int fd, int cmd, ...);
typedef int wqshim_fcntl64_fn(int fd, int cmd, ...);
typedef ssize_t wqshim_read_fn(int fd, void *buf, size_t size);
typedef ssize_t wqshim_read_chk_fn(int fd, void *buf, size_t size, size_t room);
typedef ssize_t wqshim_readv_fn(int fd, const struct iovec *iov, int count);
typedef long wqshim_syscall_fn(long nr, ...);

extern _Atomic(wqshim_ioctl_fn *) wqshim_next_ioctl;
extern _Atomic(wqshim_pipe2_fn *) wqshim_next_pipe2;
extern _Atomic(wqshim_fcntl_fn *) wqshim_next_fcntl;
extern _Atomic(wqshim_fcntl64_fn *) wqshim_next_fcntl64;
extern _Atomic(wqshim_read_fn *) wqshim_next_read;
extern _Atomic(wqshim_read_chk_fn *) wqshim_next_read_chk;
extern _Atomic(wqshim_readv_fn *) wqshim_next_readv;
extern _Atomic(wqshim_syscall_fn *) wqshim_next_syscall;

/* The next function called NAME. */
#define WQSHIM_NEXT(name) atomic_load_explicit(&wqshim_next_##name, memory_order_relaxed)

/* The next function called NAME, cached in *FOUND. NULL if the C library has none; its programs
 * do not call ours then. Keeps errno. */
void *wqshim_next_by_name(_Atomic(void *) *found, const char *name);

/* Makes system call NR with up to six arguments of type long, through the next syscall(), so
 * that our own is not called again. Returns the result, or -errno, and keeps errno. It is no
 * cancellation point. */
#define wqshim_sys(nr, ...) wqshim_sys_array(nr, (const long[6]){__VA_ARGS__})
long wqshim_sys_array(long nr, const long args[6]);

#endif
