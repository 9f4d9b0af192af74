/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a filter from a caller's memory.
 *
 * process_vm_readv() waits while the caller's page is being faulted in, and behind that page
 * may be userfaultfd or a filesystem that hangs. So a child process does the read, and has at
 * least one second for it once it has begun, and at most two. The child holds no descriptor but
 * its end of a pipe, so that it cannot keep a mount alive.
 *
 * A child that waits for the answer of another FUSE server does not die of SIGKILL before that
 * answer comes (request_wait_answer()). So its cost is counted until it has ended, and limited
 * for each user, so that one user cannot take all children, and for all users together.
 *
 * To fork takes long, and nobody else is served meanwhile. So users have shares of that time,
 * too.
 */
#ifndef WQ_USER_MEM_H
#define WQ_USER_MEM_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/per_user.h"
#include "base/shares.h"
#include "wqfs.h"

#define WQ_USER_MEM_PER_USER 4	/* children of one user at a time */
#define WQ_USER_MEM_MAX	     32 /* children of all users */
/* Those of all uids above the ones that log in: one user may have many of these (/etc/subuid).
 */
#define WQ_USER_MEM_MAPPED 24

struct wq_user_mem;
struct wq_user_mem_child;

/* The children of one daemon, and the requests that wait for one. Embedded in its owner. */
struct wq_user_mem_pool {
	struct wq_loop *loop;
	struct wq_per_user by_user;
	unsigned int n, n_mapped;
	LIST_HEAD(, wq_user_mem_child) children; /* until they have been reaped */
	struct wq_shares shares;		 /* of the time that children take */
	struct wq_timer again;			 /* for those whose user has none left */
	/* In order of arrival, except those whose user may have no more children. */
	TAILQ_HEAD(, wq_user_mem) line;
};

struct wq_user_mem {
	/* The loop calls this once, unless the read is cancelled. ERR is 0, and raw points to
	 * the LEN bytes that stood at the address (the rules only if their count is one that a
	 * filter may have), until the call returns; or -EFAULT, -EPERM; -EAGAIN: all children
	 * were busy for a second; -ENOMEM and other errors of pipe2() and fork(). It may free
	 * the whole struct. */
	void (*done)(struct wq_user_mem *mem, int err);
	const struct wqfs_filter *raw;
	size_t len;

	struct wq_user_mem_pool *pool; /* the rest belongs to user_mem.c */
	pid_t pid;
	uid_t uid;
	uint64_t address;
	struct wq_timer timeout;
	struct wq_user_mem_child *child; /* NULL: it waits in the line */
	TAILQ_ENTRY(wq_user_mem) node;
};

/* Makes a pool without children, on LOOP, which outlives it. */
void wq_user_mem_init(struct wq_user_mem_pool *pool, struct wq_loop *loop);

/* Kills the children and waits for none, because SIGKILL may not reach them yet. Every read
 * must have been done or cancelled before. */
void wq_user_mem_fini(struct wq_user_mem_pool *pool);

/* Begins to read a struct watch_notification_filter at ADDRESS of process PID, for user UID.
 * The caller has set MEM's done; the rest is filled in here. 0; -EPERM: PID is 0 (a pid
 * namespace that we do not see); -ENOMEM and other errors of pipe2() and fork(). */
int wq_user_mem_start(struct wq_user_mem_pool *pool, struct wq_user_mem *mem, pid_t pid,
	uid_t uid, uint64_t address);

/* Ends a read that is not done. */
void wq_user_mem_cancel(struct wq_user_mem *mem);

#endif
