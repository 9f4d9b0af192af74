/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source tells what is done to keys. There may be several kinds; one is in use at a time, and
 * where none can be had keys are polled. Whoever needs to know what the source in use tells
 * asks for a capability, never which source it is.
 */
#ifndef WQ_SOURCE_H
#define WQ_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "sources/event_order.h"

struct wq_source;

/* A source has one of the first two. */
enum wq_source_capability {
	/* It tells of each operation that succeeds, in order: a difference that an operation
	 * explains is that operation's. */
	WQ_SOURCE_OPERATIONS = 1u << 0,
	/* It tells of each change of the keys that it was asked to watch, with serials that are
	 * resolved: nothing is looked at, and no operation is interpreted. */
	WQ_SOURCE_CHANGES = 1u << 1,
	/* It tells when a key is destroyed. Where a source lacks this ends are looked for. */
	WQ_SOURCE_ENDS = 1u << 2,
	/* What it says of who did something is certain. */
	WQ_SOURCE_IDENTITY = 1u << 3,
	/* It tells of 32-bit programs' operations, too. */
	WQ_SOURCE_COMPAT = 1u << 4,
};

/* What may have happened that a source does not tell exactly: a reason to look. */
enum wq_source_occasion {
	WQ_OCCASION_EXIT,   /* processes have exited: keyrings may have gone with them */
	WQ_OCCASION_UNSEEN, /* calls have returned that may have been a 32-bit program's */
};

/* Who hears a source. Nothing of it may stop the source from within. */
struct wq_source_sink {
	void *arg;
	/* SOURCE, which has watch(), has started: it is asked to watch all keys that are
	 * watched by now. 0, or watch()'s error, by which the source cannot be used. */
	int (*begun)(void *arg, struct wq_source *source);
	/* There may be something to drain. */
	void (*ready)(void *arg);
	/* The thread TID is new, or its process has executed a program (IS_EXEC). It is told as
	 * soon as it is read, which may be before operations from before it. */
	void (*renewed)(void *arg, pid_t tid, uint64_t at_ns, bool is_exec);
	/* Some forks and executions of before the next event were not seen. */
	void (*forks_lost)(void *arg);
	/* Some changes of the users that threads act as were not seen. */
	void (*ids_lost)(void *arg);
	/* At most every 20 ms, after tell_occasions() and for as long as it returns true. */
	bool (*occasion)(void *arg, enum wq_source_occasion occasion);
};

/* What a source is given. All of it outlives the source. */
struct wq_source_env {
	struct wq_loop *loop;
	struct wq_event_order *events; /* where it adds what it reads */
	struct wq_source_sink sink;
	unsigned int buffer_kb; /* of each of a CPU's buffers; 0: as the source has it */
};

/* The first member of a source's own struct. */
struct wq_source {
	const struct wq_source_type *type;
};

struct wq_source_type {
	const char *name;	   /* as the option "source" and user.wqfs.source have it */
	unsigned int number;	   /* as enum wqfs_source has it */
	unsigned int capabilities; /* a set of enum wq_source_capability */

	/* NULL after writing into WHY (of WHY_SIZE bytes) what the machine does not allow. */
	struct wq_source *(*start)(const struct wq_source_env *env, char *why, size_t why_size);

	/* Tells of SERIAL, which nobody has watched until now, from this call on. NULL: of all
	 * keys in any case. A serial may be used again: whoever calls this asks next whether
	 * the key is still there, and calls unwatch() when it is not. 0; -ENOSPC or -ENOMEM:
	 * there is no room for it, which whoever asked for the watch is told; any other error:
	 * the source is dead. */
	int (*watch)(struct wq_source *source, int32_t serial);

	/* SERIAL is not watched any more, and may have been destroyed: nothing, if the source
	 * was never asked to watch it. What is told of it from now on is ignored. NULL if watch
	 * is. */
	void (*unwatch)(struct wq_source *source, int32_t serial);

	/* Reads what there is, or a turn's share of it, into env->events, and says there up to
	 * when that is complete. Does not wait. 0, or -errno: the source is dead. */
	int (*drain)(struct wq_source *source);

	/* Is it still switched on, as it was set up? */
	bool (*alive)(struct wq_source *source);

	/* Asks for sink.occasion. NULL: it has none to tell of. */
	void (*tell_occasions)(struct wq_source *source);

	/* Tells by sink.renewed and sink.forks_lost what there is of that by now. NULL: it
	 * knows who did what. */
	void (*ask_renewed)(struct wq_source *source);

	/* Ends and frees it; nothing of it is left in the system. */
	void (*stop)(struct wq_source *source);
};

#endif
