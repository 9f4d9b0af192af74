/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a thread is, as /proc says; remembered, since it may be gone next. */
#ifndef WQ_TASK_H
#define WQ_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"

#define WQ_TASK_GROUPS 32

struct wq_task {
	pid_t tid, tgid;
	pid_t parent;	 /* its process's, by now: an orphan's is another than it was */
	uid_t ruid, uid; /* real and filesystem */
	gid_t gid;
	uid_t uids[4]; /* real, effective, saved, filesystem */
	gid_t gids[4];
	gid_t groups[WQ_TASK_GROUPS]; /* supplementary, as many as there is room for */
	unsigned int ngroups;
	bool more_groups;
	bool our_userns; /* in the user namespace that we are in, as far as we may ask */
	char comm[16];
};

#define WQ_TASKS 256

#define WQ_RENEWALS 4096

struct wq_tasks {
	struct {
		struct wq_task task;
		uint64_t read_ns;
		bool known;
	} slot[WQ_TASKS];
	/* When any of the threads that share a place here began, or executed a program; and
	 * which did the latter last. */
	struct {
		uint64_t at_ns;
		pid_t executed;
	} renewed[WQ_RENEWALS];
	uint64_t lost_ns;  /* what was before is not known */
	uint64_t heard_ns; /* all that was before has been told */
};

/* TID is new, or its process has executed a program, at AT_NS. */
void wq_task_renewed(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns, bool is_exec);

/* Some of that was missed until now. */
void wq_task_renewals_lost(struct wq_tasks *tasks);

/* May TID be another thread, or its process another program, than it was at SINCE_NS, as far as
 * was told? */
bool wq_task_may_be_another(const struct wq_tasks *tasks, pid_t tid, uint64_t since_ns);

/* Who TID is that did something from BEGIN_NS to END_NS: what is certain. The user and group
 * are if it has been one program since and is of one user and group in all respects; the
 * process is if that was read or if it has executed a program; else pid is 0. Asks /proc, and
 * REFRESH(ARG) after that to hear of all that was until then. Of what
 * was until END_NS it has been told. */
struct wq_cred wq_task_who(struct wq_tasks *tasks, pid_t tid, uint64_t begin_ns,
	uint64_t end_ns, void (*refresh)(void *arg), void *arg);

/* Reads TID's task, and remembers nothing. False: it is gone. */
bool wq_task_read(pid_t tid, struct wq_task *t);

/* TID's task as it is at AT_NS or later; NULL if it is gone. Valid until the next call. */
const struct wq_task *wq_task_get(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns);

/* The same, but one that was read a moment before AT_NS does, and of one that is gone what
 * was read within a second. */
const struct wq_task *wq_task_recent(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns);

/* What was read of TID at SINCE_NS or later, which is 0 for however long ago; NULL: nothing
 * was. Asks nobody. */
const struct wq_task *wq_task_known(struct wq_tasks *tasks, pid_t tid, uint64_t since_ns);

/* Has TID been killed, so that it returns from no system call any more? False too if it has
 * gone, or cannot be asked. */
bool wq_task_is_dying(pid_t tid);

/* TID's user UID, in UID as the user namespace that it is in numbers it: (uid_t)-1 if it has no
 * number there. False: it is gone, or may not be asked. */
bool wq_task_inner_uid(pid_t tid, uid_t *uid);

#endif
