/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When keys may have been collected. Only an exact source says so: the kernel does it some time
 * after the last link, or the time, of a key is gone. So after what may have ended keys they
 * are asked whether they are still there, soon and with growing distance. Polling needs none
 * of this.
 *
 * The timers are armed here; what they do their owner says, who calls the functions of that
 * name and then tells of the keys that were found to be gone.
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
	struct wq_timer timer; /* the next check after what may have ended keys */
	uint64_t due_ns;       /* when it is due, if there is no occasion before */
	uint64_t asked_ns;     /* when the last check ended */
	uint64_t step_ns;      /* the distance to the check after it */
	uint64_t cost_ns;
	struct wq_key_cursor cursor; /* where the check under way stands */

	struct wq_timer due_timer; /* the next known end */

	struct wq_timer probation_timer;
	uint64_t probation_step_ns;

	int delay_fd;		/* of kernel.keys.gc_delay; -1: it cannot be read */
	time_t delay;		/* as it was read last, */
	uint64_t delay_read_ns; /* and when */
};

void wq_gc_init(struct wq_gc_watch *gc, struct wq_model *model);
void wq_gc_fini(struct wq_gc_watch *gc);

/* Something was done that may have ended keys: they are asked soon, and again and again. */
void wq_gc_schedule(struct wq_gc_watch *gc);

/* Asks each key once, now, in slices: ends of before may not have been told. */
void wq_gc_check_all(struct wq_gc_watch *gc);

/* A source has begun, which tells nothing of what was done before. */
void wq_gc_start(struct wq_gc_watch *gc);

/* Something was done to some key, perhaps because another has ended: where an end is awaited
 * it is looked for now, so that it is told before what comes after it. */
void wq_gc_expedite(struct wq_gc_watch *gc);

/* KEY will be collected at WHEN (CLOCK_REALTIME); 0: that is not known. */
void wq_gc_expect_at(struct wq_gc_watch *gc, struct wq_key *key, time_t when);

/* KEY is watched from now on: it may be about to end by what was done before. */
void wq_gc_put_on_probation(struct wq_gc_watch *gc, struct wq_key *key);

/* What the three timers do. */
void wq_gc_on_timer(struct wq_gc_watch *gc);
void wq_gc_on_due_timer(struct wq_gc_watch *gc);
void wq_gc_on_probation_timer(struct wq_gc_watch *gc);

/* Seconds that the kernel keeps dead keys: kernel.keys.gc_delay, as it was some milliseconds
 * ago at most. */
time_t wq_gc_delay(struct wq_gc_watch *gc);

#endif
