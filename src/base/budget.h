/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time that something may take of the loop: 10 ms in each 100. */
#ifndef WQ_BUDGET_H
#define WQ_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Work is cut into slices of this, so that nobody waits longer for the loop. */
#define WQ_SLICE_NS 2000000u

#define WQ_BUDGET_WINDOW_NS 100000000u
#define WQ_BUDGET_NS	    10000000u

struct wq_budget {
	uint64_t window_ns; /* when the window began */
	uint64_t used_ns;   /* in it */
};

/* What it costs is measured by: CPU time of the thread. On a busy machine it is put aside
 * again and again, and that is not the fault of whoever it works for. */
static inline uint64_t wq_budget_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Is some left, at NOW_NS of CLOCK_MONOTONIC? What is begun then may end over it. */
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
