/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The trace source: the kernel's syscall tracepoints of keyctl(), add_key() and
 * request_key(), and of what changes the users that a thread acts as, in private instances of a
 * private mount of tracefs.
 */
#ifndef WQ_TRACE_H
#define WQ_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ids.h"
#include "base/loop.h"
#include "sources/hint.h"

struct wq_trace;

struct wq_trace_ops {
	/* H has begun (end_ns 0) or ended; a result below 0 means that it failed. In the
	 * order of time. */
	void (*hint)(void *arg, const struct wq_hint *h);
	/* Thread PARENT has made CHILD, a thread or process. In the order of time, too. */
	void (*forked)(void *arg, pid_t parent, pid_t child, uint64_t at_ns);
	/* The thread TID has done CHANGE to the users that it acts as, with IDS. In the order
	 * of time, too. */
	void (*ids_changed)(void *arg, pid_t tid, enum wq_ids_change change,
		const uid_t ids[WQ_IDS_ARGS], uint64_t at_ns);
	/* Some such changes were not seen. */
	void (*ids_lost)(void *arg);
	/* The thread TID is new, or its process has executed a program (IS_EXEC). Told as soon
	 * as it is read, which may be before hints from before it. */
	void (*renewed)(void *arg, pid_t tid, uint64_t at_ns, bool is_exec);
	/* Some forks before the next hint were not seen, or who executed what. */
	void (*forks_lost)(void *arg);
	/* Some processes have exited: keyrings may have gone with them. Told at most every 20
	 * ms, after wq_trace_tell_occasions() and for as long as it returns true. */
	bool (*exited)(void *arg);
	/* Calls have returned that may be a 32-bit program's, of which no hint is given: in the
	 * same way. */
	bool (*unseen)(void *arg);
	/* Events were lost: what was done until now is not known. */
	void (*lost)(void *arg);
	/* It has died. To be freed, not from here. */
	void (*died)(void *arg, const char *why);
};

/* Starts a trace on LOOP. NULL after writing into WHY (of WHY_SIZE bytes) what the machine
 * does not allow: not root, no tracefs, no syscall tracepoints, built without it. Removes
 * instances that dead daemons left. BUFFER_KB: of
 * each of a CPU's two buffers; 0: 16 MiB shared out to all, but no less than 256 each. */
struct wq_trace *wq_trace_new(struct wq_loop *loop, const struct wq_trace_ops *ops, void *arg,
	unsigned int buffer_kb, char *why, size_t why_size);

/* Ends it and removes the instance. NULL is allowed. */
void wq_trace_free(struct wq_trace *trace);

/* Gives out the events of before this call, or as many as ALLOWED_NS are enough for: the rest
 * follows by itself, between requests. True: it was all of them. Does not wait. May call any
 * of the ops. */
bool wq_trace_drain(struct wq_trace *trace, uint64_t allowed_ns);

/* Tells by ops->renewed and ops->forks_lost what there is of that by now. */
void wq_trace_ask_renewed(struct wq_trace *trace);

/* Asks for ops->exited and ops->unseen. */
void wq_trace_tell_occasions(struct wq_trace *trace);

/* Is it still switched on, as it was set up? */
bool wq_trace_alive(struct wq_trace *trace);

#endif
