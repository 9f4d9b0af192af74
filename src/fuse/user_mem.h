/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a filter out of a caller's memory.
 *
 * process_vm_readv() waits while the caller's page is being faulted in, and the caller may
 * have put userfaultfd or a hanging filesystem behind that page: so a child does it, and
 * has a second for it. The child holds no descriptor but its end of a pipe, so that it
 * cannot keep a mount alive either.
 *
 * A child that waits for another FUSE server's answer does not even die of SIGKILL before
 * that answer comes (request_wait_answer()). What it costs is therefore counted until it has
 * ended, and bounded: for each user, so that one's cannot be everybody's, and for all.
 */
#ifndef WQ_USER_MEM_H
#define WQ_USER_MEM_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/per_user.h"
#include "wqfs.h"

#define WQ_USER_MEM_PER_USER 4	/* children at a time */
#define WQ_USER_MEM_MAX	     32 /* of all users */

struct wq_user_mem;
struct wq_user_mem_child;

/* The children of one daemon, and who waits for one. Embedded in its owner. */
struct wq_user_mem_pool {
	struct wq_loop *loop;
	struct wq_per_user by_user;
	unsigned int n;
	LIST_HEAD(, wq_user_mem_child) children; /* until they have been reaped */
	TAILQ_HEAD(, wq_user_mem) line;		 /* first come first served, if its user may */
};

struct wq_user_mem {
	/* Called once, from the loop, unless cancelled. ERR is 0 and raw of LEN bytes is
	 * what stood at the address (its rules only as far as the count is one that a
	 * filter may have), or -EFAULT, -EPERM; -EAGAIN: as many children as may be were
	 * busy for a second; -ENOMEM and other errors of pipe2() and fork(). It may free the
	 * whole. */
	void (*done)(struct wq_user_mem *mem, int err);
	struct wqfs_filter raw;
	size_t len;

	struct wq_user_mem_pool *pool; /* the rest is user_mem.c's */
	pid_t pid;
	uid_t uid;
	uint64_t address;
	struct wq_timer timeout;
	struct wq_user_mem_child *child; /* NULL: in the line */
	TAILQ_ENTRY(wq_user_mem) node;
};

/* A pool without children, on LOOP, which outlives it. */
void wq_user_mem_init(struct wq_user_mem_pool *pool, struct wq_loop *loop);

/* Kills the children and waits for none: they may be where SIGKILL has to wait. Every read has
 * been done or cancelled. */
void wq_user_mem_fini(struct wq_user_mem_pool *pool);

/* Begins to read a struct watch_notification_filter at ADDRESS of process PID, for user UID;
 * MEM's done is set, all else is filled in. 0; -EPERM: PID is 0 (a pid namespace we do not
 * see); -ENOMEM and other errors of pipe2() and fork(). */
int wq_user_mem_start(struct wq_user_mem_pool *pool, struct wq_user_mem *mem, pid_t pid,
	uid_t uid, uint64_t address);

/* Ends it before it is done. */
void wq_user_mem_cancel(struct wq_user_mem *mem);

#endif
