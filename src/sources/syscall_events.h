/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracepoints of system calls and processes that tell of keys, and who does what to them:
 * which there are, how they are switched on, and what their records say.
 */
#ifndef WQ_SYSCALL_EVENTS_H
#define WQ_SYSCALL_EVENTS_H

#include "sources/source.h"
#include "sources/trace_switch.h"
#include "sources/tracefs_stream.h"

/* Each of these is an instance of its own, so that only what is worth it wakes us. */
enum wq_stream_id {
	WQ_STREAM_FORKS, /* who forks whom: read along with the calls; many at once wake us */
	WQ_STREAM_SYSCALL_ENTER, /* calls begin: read along with the next */
	WQ_STREAM_SYSCALL_EXIT,	 /* calls return: we are woken */
	WQ_STREAM_IDS, /* users of threads change: read along with the calls, as forks are */
	WQ_STREAM_TASK_FREE, /* processes exit: we are woken now and then */
	WQ_STREAM_32,	     /* what may be calls of 32-bit programs return: the same */
	WQ_STREAMS,
};

#define WQ_SYSCALL_CALLS 9 /* that are followed */

/* Where things are in a record of the ring buffer. */
struct wq_call_layout {
	int enter_id, exit_id;
	int field[WQ_OP_ARGS + 1]; /* offsets; -1: there is none */
	int ret;
};

/* The same of sched_process_fork. */
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

/* Does the kernel have tracepoints of system calls, as LEAVE, which is open, shows? */
bool wq_syscall_events_exist(const struct wq_stream *leave);

/* Reads where things are in their records, of STREAMS, which are open. 0 or -errno. */
int wq_syscall_events_learn(struct wq_syscall_events *e, const struct wq_stream *streams);

/* Switches them on in their streams. 0 or -errno. */
int wq_syscall_events_enable(const struct wq_stream *streams);

/* Remembers their switches. 0 or -errno. */
int wq_syscall_events_keep_switches(
	const struct wq_stream *streams, struct wq_switches *switches);

/* Adds what the record at DATA, of the time TS, says to env->events, or tells env->sink. */
void wq_syscall_events_decode(const struct wq_syscall_events *e,
	const struct wq_source_env *env, const void *data, uint64_t ts);

#endif
