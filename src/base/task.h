/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a thread is, read from /proc and remembered, because the thread may soon be gone. */
#ifndef WQ_TASK_H
#define WQ_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/cred.h"
#include "base/lives.h"
#include "base/mapped.h"

#define WQ_TASK_GROUPS 32

struct wq_task {
	pid_t tid, tgid;
	/* Of its process, now: an orphan's parent is another process than before. */
	pid_t parent;
	uid_t ruid, uid; /* real and filesystem */
	gid_t gid;
	uid_t uids[4]; /* real, effective, saved, filesystem */
	gid_t gids[4];
	gid_t groups[WQ_TASK_GROUPS]; /* supplementary groups, as many as there is room for */
	unsigned int ngroups;
	bool more_groups;
	bool our_userns; /* in our user namespace, as far as we may ask */
	/* Else the users of the other namespace, if it has any yet and we may read them. */
	bool knows_mapped;
	struct wq_uid_range mapped;
	char comm[16];
};

#define WQ_TASKS 256

#define WQ_RENEWALS 4096

/* Which threads are new, or have executed a program, as far as that was reported. */
struct wq_renewals {
	/* When one of the threads that share this place last began or executed a program, and
	 * which thread last executed one. */
	struct {
		uint64_t at_ns;
		pid_t executed;
	} of[WQ_RENEWALS];
	uint64_t lost_ns; /* events before this time were missed */
};

struct wq_tasks {
	struct {
		struct wq_task task;
		uint64_t read_ns;
		bool known;
	} slot[WQ_TASKS];
	struct wq_renewals renewals;
	uint64_t heard_ns;  /* all events before this time have been reported */
	struct stat userns; /* our user namespace; st_ino 0: not read yet */
	struct wq_lives lives;
};

/* TASKS were all zero at the beginning. */
void wq_tasks_fini(struct wq_tasks *tasks);

/* Thread TID is new, or its process has executed a program, at AT_NS. */
void wq_task_renewed(struct wq_renewals *renewals, pid_t tid, uint64_t at_ns, bool is_exec);

/* Some of those events were missed until now. */
void wq_task_renewals_lost(struct wq_renewals *renewals);

/* Do the events that were reported say that TID may be another thread, or its process another
 * program, than at SINCE_NS? */
bool wq_task_may_be_another(const struct wq_tasks *tasks, pid_t tid, uint64_t since_ns);

/* Reads /proc to learn who TID is, which did something until END_NS, unless that is known.
 * True: the caller must report all events of threads until now before it calls
 * wq_task_who(). */
bool wq_task_needs_news(struct wq_tasks *tasks, pid_t tid, uint64_t end_ns);

/* Who TID is, which did something from BEGIN_NS to END_NS: only what is certain. User and group
 * are certain if the thread has run one program since then and has one user and group in all
 * respects. The process is certain if it was read or has executed a program; else pid is 0.
 * Events until END_NS must have been reported before the call. */
struct wq_cred wq_task_who(
	struct wq_tasks *tasks, pid_t tid, uint64_t begin_ns, uint64_t end_ns);

/* Reads the task of TID into T and does not remember it. False: the thread has ended. */
bool wq_task_read(struct wq_tasks *tasks, pid_t tid, struct wq_task *t);

/* The task of TID as it is at AT_NS or later; NULL if the thread has ended. Valid until the
 * next call. */
const struct wq_task *wq_task_get(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns);

/* The same, but accepts a task that was read shortly before AT_NS, and for a thread that has
 * ended what was read within the last second. */
const struct wq_task *wq_task_recent(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns);

/* What was read of TID at SINCE_NS or later (0: at any time); NULL: nothing. Reads
 * nothing now. */
const struct wq_task *wq_task_known(struct wq_tasks *tasks, pid_t tid, uint64_t since_ns);

#endif
