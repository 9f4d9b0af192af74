/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracepoints of system calls and processes that show what is done to keys and by whom:
 * which there are, how to switch them on, and what their records mean.
 */
#ifndef WQ_SYSCALL_EVENTS_H
#define WQ_SYSCALL_EVENTS_H

#include "sources/source.h"
#include "sources/trace_switch.h"
#include "sources/tracefs_stream.h"

/* Each stream is an instance of its own, so that unimportant events do not wake us. */
enum wq_stream_id {
	WQ_STREAM_FORKS,	 /* forks: read along with the calls; only many wake us */
	WQ_STREAM_SYSCALL_ENTER, /* calls begin: read along with their ends */
	WQ_STREAM_SYSCALL_EXIT,	 /* calls end: they wake us */
	WQ_STREAM_IDS, /* threads change their users: read along with the calls, as forks are */
	WQ_STREAM_TASK_FREE, /* processes are freed: they wake us now and then */
	WQ_STREAM_32,	     /* ends of calls that may be those of 32-bit programs: the same */
	WQ_STREAMS,
};

#define WQ_SYSCALL_CALLS 9 /* how many calls we trace */

/* The layout of a record of a call in the ring buffer. */
struct wq_call_layout {
	int enter_id, exit_id;
	int field[WQ_OP_ARGS + 1]; /* offsets; -1: the record has no such field */
	int ret;
};

/* The same for sched_process_fork. */
struct wq_fork_layout {
	int id, child;
	int exec_id;		   /* sched_process_exec */
	int apart_id, apart_child; /* task_newtask, in another user namespace */
};

/* By value in its owner. */
struct wq_syscall_events {
	struct wq_call_layout call[WQ_SYSCALL_CALLS];
	struct wq_fork_layout fork;
};

/* Does the kernel have tracepoints of system calls? SYS_EXIT is open. */
bool wq_syscall_events_exist(const struct wq_stream *sys_exit);

/* Reads the layouts of the records of STREAMS, which are open. 0 or -errno. */
int wq_syscall_events_learn(struct wq_syscall_events *e, const struct wq_stream *streams);

/* Switches the events on in their streams. 0 or -errno. */
int wq_syscall_events_enable(const struct wq_stream *streams);

/* Remembers the switches of the events. 0 or -errno. */
int wq_syscall_events_keep_switches(
	const struct wq_stream *streams, struct wq_switches *switches);

/* Adds what the record at DATA, with the time TS, says to env->events, or calls env->sink. */
void wq_syscall_events_decode(const struct wq_syscall_events *e,
	const struct wq_source_env *env, const void *data, uint64_t ts);

#endif
