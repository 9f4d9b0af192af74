/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source reports what is done to keys. There may be several kinds of source; one is in use at
 * a time, and if none works keys are polled. Code that needs to know what the source in use
 * reports asks for a capability, never which source it is.
 */
#ifndef WQ_SOURCE_H
#define WQ_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/caller.h"
#include "base/loop.h"
#include "base/task.h"
#include "sources/event_order.h"

struct wq_source;

/* Words for several sources or none, beside the names of single sources. */
#define WQ_SOURCE_AUTO "auto" /* the best source that works, else polling */
#define WQ_SOURCE_POLL "poll" /* no source: keys are polled */
/* The best of those whose programs are in the kernel; their names begin so. */
#define WQ_SOURCE_KERNEL "kernel"

/* Each source has one of the first two. */
enum wq_source_capability {
	/* It reports each operation that succeeds, in order. A difference that an operation
	 * explains is caused by that operation. */
	WQ_SOURCE_OPERATIONS = 1u << 0,
	/* It reports each change of the keys that it was asked to watch, with resolved serials.
	 * So no snapshot is compared and no operation is interpreted. */
	WQ_SOURCE_CHANGES = 1u << 1,
	/* It reports when a key is destroyed. Without this capability the bridge has to search
	 * for ends. */
	WQ_SOURCE_ENDS = 1u << 2,
	/* What it says of who did something is certain. */
	WQ_SOURCE_IDENTITY = 1u << 3,
	/* It reports operations of 32-bit programs, too. */
	WQ_SOURCE_COMPAT = 1u << 4,
};

/* What may have happened that a source does not report exactly: a reason to scan. */
enum wq_source_occasion {
	WQ_OCCASION_EXIT,   /* processes have exited, and keyrings may have ended with them */
	WQ_OCCASION_UNSEEN, /* calls have returned that may be those of 32-bit programs */
};

/* The callbacks for what a source reports. None of them may stop the source. */
struct wq_source_sink {
	void *arg;
	/* SOURCE, which has watch(), is to be used: the callback asks it to watch all keys that
	 * are watched by now. 0; -EAGAIN: it has asked for some, and is to be called again for
	 * the others; or the error of watch(), which makes the source unusable. */
	int (*begun)(void *arg, struct wq_source *source);
	/* A source that was started in a thread is in use, or none works. NULL: sources are
	 * started at once, by the caller's thread. */
	void (*decided)(void *arg);
	/* There may be something to drain. */
	void (*ready)(void *arg);
	/* watch() has returned -EALREADY, and is to be called again now. */
	void (*may_watch)(void *arg);
	/* Some forks and executions before the next event were not seen. */
	void (*forks_lost)(void *arg);
	/* Some changes of the users that threads act as were not seen. */
	void (*ids_lost)(void *arg);
	/* Called at most every 20 ms, after ask_occasions(), for as long as it
	 * returns true. */
	bool (*occasion)(void *arg, enum wq_source_occasion occasion);
};

/* What a source is given. All of it outlives the source. */
struct wq_source_env {
	struct wq_loop *loop;
	struct wq_event_order *events; /* where the source adds its events */
	/* The source notes here which threads are new, or have executed a program, as soon as
	 * it reads that. This may be before it reports earlier operations. */
	struct wq_renewals *renewals;
	struct wq_source_sink sink;
	unsigned int buffer_kb; /* the size of each buffer of a CPU; 0: the source chooses */
};

/* The first member of a source's own struct. */
struct wq_source {
	const struct wq_source_type *type;
};

struct wq_source_type {
	const char *name;	   /* the name in the option "source" and in user.wqfs.source */
	unsigned int number;	   /* its value in enum wqfs_source */
	unsigned int capabilities; /* a set of enum wq_source_capability */

	/* May start() work? Asks for no more than what takes a moment. False, with a reason at
	 * WHY (of WHY_SIZE bytes): it would fail. NULL: start() itself takes no longer. */
	bool (*may_start)(char *why, size_t why_size);

	/* Starts the source, which may take some hundred milliseconds. NULL after writing to
	 * WHY (of WHY_SIZE bytes) what the machine does not allow. Runs in a thread of its own:
	 * so it may keep the pointers in ENV, and may not use what they point to. */
	struct wq_source *(*start)(const struct wq_source_env *env, char *why, size_t why_size);

	/* Connects a source that was started with the loop and the other things in its env,
	 * which it uses from now on. 0 or -errno. */
	int (*begin)(struct wq_source *source);

	/* From this call on the source reports changes of SERIAL, which nobody has watched
	 * until now. NULL: it reports all keys anyway. The kernel may use a serial again, so
	 * the caller then checks whether the key still exists, and calls unwatch() if not. 0;
	 * -ENOSPC or -ENOMEM: there is no room, which becomes the error of the watch;
	 * -EALREADY: not yet, and sink.may_watch() follows; any other error: the source is
	 * dead. */
	int (*watch)(struct wq_source *source, int32_t serial);

	/* Nobody watches SERIAL any more, and it may have been destroyed. Does nothing if the
	 * source was never asked to watch it. Later reports about it are ignored. NULL if watch
	 * is NULL. */
	void (*unwatch)(struct wq_source *source, int32_t serial);

	/* Adds what there is, or a turn's share of it, to env->events, and says there up to
	 * which time that is complete. Does not wait. 0, or -errno: the source is dead. */
	int (*drain)(struct wq_source *source);

	/* Is the source still switched on, as start() has set it up? */
	bool (*alive)(struct wq_source *source);

	/* Asks for calls of sink.occasion. NULL: the source reports no occasions. */
	void (*ask_occasions)(struct wq_source *source);

	/* Notes in env->renewals all such events until now. True: some were missed. NULL: the
	 * source knows who did what. */
	bool (*ask_renewed)(struct wq_source *source);

	/* Sets *RIGHTS, a set of enum wq_right, to those that CALLER, who waits for an answer
	 * of ours, has to SERIAL, also as its possessor. 0, or -errno: that cannot be found
	 * out. NULL: the source never can. */
	int (*rights)(struct wq_source *source, const struct wq_caller *caller, int32_t serial,
		uint8_t *rights);

	/* Undoes what begin() did, even if that failed. After it only stop() may be called.
	 * NULL: there is nothing to do. */
	void (*leave)(struct wq_source *source);

	/* Stops and frees the source, which may take seconds; nothing of it is left in the
	 * system. May run in a thread of its own: does not use what its env points to. */
	void (*stop)(struct wq_source *source);
};

#endif
