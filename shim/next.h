/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that ours stand before: the C library's, or those of the next
 * preloaded library. Looked up at first use and never in a constructor, because
 * other libraries' constructors call us before ours would run.
 */
#ifndef WQSHIM_NEXT_H
#define WQSHIM_NEXT_H

#include <stdatomic.h>
#include <stddef.h>

enum wqshim_fn {
	WQSHIM_IOCTL,
	WQSHIM_PIPE2,
	WQSHIM_READ,
	WQSHIM_READ_CHK,
	WQSHIM_READV,
	WQSHIM_SYSCALL,
	WQSHIM_FNS,
};

extern _Atomic(void *) wqshim_fns[WQSHIM_FNS];

/* Looks FN up and remembers it. Two threads at once find the same. errno is kept. */
void *wqshim_resolve(enum wqshim_fn fn);

/* The next function called FN. */
static inline void *wqshim_next(enum wqshim_fn fn)
{
	void *next = atomic_load_explicit(&wqshim_fns[fn], memory_order_relaxed);

	return __builtin_expect(next != NULL, 1) ? next : wqshim_resolve(fn);
}

/* System call NR with up to six arguments, all of them long, by the next syscall(), so
 * that we never meet ourselves. What it returned, or -errno; errno is kept. No
 * cancellation point. */
#define wqshim_sys(nr, ...) wqshim_sys_array(nr, (const long[6]){__VA_ARGS__})
long wqshim_sys_array(long nr, const long args[6]);

#endif
