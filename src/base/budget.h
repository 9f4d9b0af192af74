/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A limit on the time that one kind of work takes from the loop: 10 ms in each 100. */
#ifndef WQ_BUDGET_H
#define WQ_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"

/* Work is cut into slices of this length, so that nobody waits longer for the loop. */
#define WQ_SLICE_NS (2 * WQ_NSEC_PER_MSEC)

/* The same for work that nobody waits for, of which several pieces may come in one turn:
 * between two looks at the requests they take no more than a slice. */
#define WQ_PIECE_NS (WQ_SLICE_NS / 4)

#define WQ_BUDGET_WINDOW_NS (100 * WQ_NSEC_PER_MSEC)
#define WQ_BUDGET_NS	    (10 * WQ_NSEC_PER_MSEC)

struct wq_budget {
	uint64_t window_ns; /* when the window began */
	uint64_t used_ns;   /* in it */
};

/* The clock by which work is measured: the CPU time of this thread. On a busy machine the
 * thread is often preempted, for which the work is not to blame. */
static inline uint64_t wq_budget_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * WQ_NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Is time left at NOW_NS of CLOCK_MONOTONIC? Work that begins then may exceed the limit. */
static inline bool wq_budget_left(struct wq_budget *b, uint64_t now_ns)
{
	if (now_ns - b->window_ns > WQ_BUDGET_WINDOW_NS)
		*b = (struct wq_budget){.window_ns = now_ns};
	return b->used_ns < WQ_BUDGET_NS;
}

static inline void wq_budget_spend(struct wq_budget *b, uint64_t ns)
{
	b->used_ns += ns;
}

#endif
