/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * What depends on the processor when a system call begins, and when it has returned: whether a
 * 32-bit program makes it, its number, and where its arguments are. The part for arm64 was
 * compiled and never run.
 */
#ifndef WQ_HOOK_ARCH_H
#define WQ_HOOK_ARCH_H

#include "hook_types.h"

/* The first five arguments of a system call. */
struct args {
	__u64 of[5];
};

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT      0x2	   /* in thread_info.status: a 32-bit program makes the call */
#define NATIVE_ADD_KEY 248	   /* the next two are request_key() and keyctl() */
#define COMPAT_ADD_KEY 286	   /* the same for 32-bit programs */
#define X32_BIT	       0x40000000l /* of the numbers that programs of the x32 ABI use */

static __always_inline bool is_compat(const struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* The number of the system call that REGS are in, until it has returned. */
static __always_inline long number_of(const struct pt_regs *regs)
{
	return (__s32)regs->orig_ax;
}

static __always_inline void get_args(const struct pt_regs *regs, bool compat, struct args *a)
{
	if (compat)
		*a = (struct args){{(__u32)regs->bx, (__u32)regs->cx, (__u32)regs->dx,
			(__u32)regs->si, (__u32)regs->di}};
	else
		*a = (struct args){{regs->di, regs->si, regs->dx, regs->r10, regs->r8}};
}

#elif defined(__TARGET_ARCH_arm64)

#define TIF_32BIT      22  /* a bit of thread_info.flags: the program is a 32-bit one */
#define NATIVE_ADD_KEY 217 /* the next two are request_key() and keyctl() */
#define COMPAT_ADD_KEY 309 /* the same for 32-bit programs */
#define X32_BIT	       0l

static __always_inline bool is_compat(const struct task_struct *task)
{
	return task->thread_info.flags & 1ul << TIF_32BIT;
}

/* The number of the system call that REGS are in, until it has returned. */
static __always_inline long number_of(const struct pt_regs *regs)
{
	return regs->syscallno;
}

/* The registers of a 32-bit program are the lower halves of the same ones. When the call has
 * returned its result is in the first. */
static __always_inline void get_args(const struct pt_regs *regs, bool compat, struct args *a)
{
	for (int i = 0; i < 5; i++) {
		__u64 arg = i ? regs->regs[i] : regs->orig_x0;

		a->of[i] = compat ? (__u32)arg : arg;
	}
}

#endif

/* Which of add_key() (0), request_key() (1) and keyctl() (2) the system call ID is; any other
 * number: none of them. */
static __always_inline long keys_call(long id, bool compat)
{
	return compat ? id - COMPAT_ADD_KEY : (id & ~X32_BIT) - NATIVE_ADD_KEY;
}

/* Can the system call ID be one of these, whoever makes it? Every system call of the machine
 * pays for the answer, and nearly all for nothing else. */
static __always_inline bool may_be_keys_call(long id)
{
	return (unsigned long)keys_call(id, false) <= 2 ||
	       (unsigned long)keys_call(id, true) <= 2;
}

#endif
