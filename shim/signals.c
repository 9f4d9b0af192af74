/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <sys/syscall.h>

#include "base/array_size.h"
#include "next.h"
#include "signals.h"

#define SIGSET_SIZE (_NSIG / 8) /* the size that the kernel uses */

void wqshim_block_signals(sigset_t *before)
{
	static const int caused[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	sigset_t all;

	memset(&all, 0xff, sizeof(all));
	for (size_t i = 0; i < ARRAY_SIZE(caused); i++)
		sigdelset(&all, caused[i]);
	memset(before, 0, sizeof(*before));
	wqshim_sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)before, SIGSET_SIZE);
}

void wqshim_restore_signals(const sigset_t *before)
{
	wqshim_sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)before, 0, SIGSET_SIZE);
}
