/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a filter out of a caller's memory.
 *
 * process_vm_readv() waits while the caller's page is being faulted in, and the caller may
 * have put userfaultfd or a hanging filesystem behind that page: so a child does it, and
 * has a second for it. The child holds no descriptor but its end of a pipe, so that it
 * cannot keep a mount alive either.
 */
#ifndef WQ_USER_MEM_H
#define WQ_USER_MEM_H

#include <stdint.h>
#include <sys/types.h>

#include "loop.h"
#include "wqfs.h"

struct wq_user_mem {
	/* Called once, from the loop, unless cancelled. ERR is 0 and raw of LEN bytes is
	 * what stood at the address (its rules only as far as the count is one that a
	 * filter may have), or -EFAULT, -EPERM. It may free the whole. */
	void (*done)(struct wq_user_mem *mem, int err);
	struct wqfs_filter raw;
	size_t len;

	struct wq_loop *loop; /* the rest is user_mem.c's */
	struct wq_source pipe;
	struct wq_timer timeout;
	int pidfd; /* of the child, which whoever handles SIGCHLD reaps */
};

/* Begins to read a struct watch_notification_filter at ADDRESS of process PID; MEM's done
 * is set, all else is filled in. 0; -EPERM: PID is 0 (a pid namespace we do not see);
 * -EAGAIN: too many are under way; -ENOMEM and other errors of pipe2() and fork(). */
int wq_user_mem_start(
	struct wq_loop *loop, struct wq_user_mem *mem, pid_t pid, uint64_t address);

/* Ends it before it is done. */
void wq_user_mem_cancel(struct wq_user_mem *mem);

#endif
