/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out when the kernel has collected keys. Only an exact source reports that: the kernel
 * collects a key some time after its last link has gone, or its time has come. So after an
 * operation that may have ended keys this checks whether they still exist, soon and then in
 * growing steps. Polling needs none of this.
 *
 * The timers are set here. Their owner provides their callbacks, which call the functions
 * below, and then posts REMOVAL for the keys that were found to be destroyed.
 */
#ifndef WQ_GC_WATCH_H
#define WQ_GC_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/loop.h"
#include "keys/model.h"

/* By value in its owner. */
struct wq_gc_watch {
	struct wq_model *model;
	struct wq_timer timer; /* the next check after something that may have ended keys */
	uint64_t due_ns;       /* when that check is due, unless it is made earlier */
	uint64_t asked_ns;     /* when the last check ended */
	uint64_t step_ns;      /* the time between it and the check after it */
	uint64_t cost_ns;
	struct wq_key_cursor cursor; /* how far the current check is */

	struct wq_timer due_timer; /* the next end that is known */

	struct wq_timer probation_timer;
	uint64_t probation_step_ns;

	int delay_fd;		/* the file kernel.keys.gc_delay; -1: it cannot be read */
	time_t delay;		/* its value when it was last read, */
	uint64_t delay_read_ns; /* and when that was */
};

void wq_gc_init(struct wq_gc_watch *gc, struct wq_model *model);
void wq_gc_fini(struct wq_gc_watch *gc);

/* Something has happened that may have ended keys: checks them soon, and again and again. */
void wq_gc_schedule(struct wq_gc_watch *gc);

/* Checks each key once, now, in slices: earlier ends may not have been reported. */
void wq_gc_check_all(struct wq_gc_watch *gc);

/* A source has started, which does not report earlier events. */
void wq_gc_start(struct wq_gc_watch *gc);

/* Something was done to a key, perhaps because another key has ended. If an end is expected,
 * checks for it now, so that its record comes before that of the later event. */
void wq_gc_expedite(struct wq_gc_watch *gc);

/* The kernel will collect KEY at WHEN (CLOCK_REALTIME); 0: unknown. */
void wq_gc_expect_at(struct wq_gc_watch *gc, struct wq_key *key, time_t when);

/* KEY is watched from now on. It may be about to end because of an earlier operation. */
void wq_gc_put_on_probation(struct wq_gc_watch *gc, struct wq_key *key);

/* The callbacks of the three timers. */
void wq_gc_on_timer(struct wq_gc_watch *gc);
void wq_gc_on_due_timer(struct wq_gc_watch *gc);
void wq_gc_on_probation_timer(struct wq_gc_watch *gc);

/* For how many seconds the kernel keeps dead keys: kernel.keys.gc_delay, as it was at most some
 * milliseconds ago. */
time_t wq_gc_delay(struct wq_gc_watch *gc);

#endif
