/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_CLOCK_H
#define WQ_CLOCK_H

#include <stdint.h>
#include <time.h>

#define WQ_NSEC_PER_MSEC 1000000u
#define WQ_NSEC_PER_SEC	 1000000000ull /* in 32 bits five of them are less than one */

/* CLOCK_MONOTONIC in nanoseconds, the clock of all times that wqfs compares. It is inline so
 * that programs that link none of wqfs's libraries (the preload library, benchmarks) have it,
 * too. */
static inline uint64_t wq_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * WQ_NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

#endif
