/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that ours stand before: the C library's, or those of the next
 * preloaded library. Looked up at first use and never in a constructor, because other
 * libraries' constructors call us before ours would run. Each pointer begins at a
 * function that looks up, replaces the pointer and calls on, so that the way through
 * is one jump; two threads that do so at once find the same.
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

/* The next function called NAME, kept in *FOUND; NULL if the C library has none, whose
 * programs then do not call ours. errno is kept. */
void *wqshim_next_by_name(_Atomic(void *) *found, const char *name);

/* System call NR with up to six arguments, all of them long, by the next syscall(), so
 * that we never meet ourselves. What it returned, or -errno; errno is kept. No
 * cancellation point. */
#define wqshim_sys(nr, ...) wqshim_sys_array(nr, (const long[6]){__VA_ARGS__})
long wqshim_sys_array(long nr, const long args[6]);

#endif
