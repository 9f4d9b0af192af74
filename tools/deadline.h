/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A time at which the process ends, whatever it waits for: a timer of its loop does not fire
 * while a daemon that does not answer keeps the loop waiting, nor before it runs.
 */
#ifndef WQ_DEADLINE_H
#define WQ_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* By value in its owner. All zero: none is set. */
struct deadline {
	bool set;
	timer_t timer;
};

/* At DUE_NS of wq_now_ns() the process exits with STATUS, without writing out anything. False
 * after an error message. */
bool deadline_set(struct deadline *d, uint64_t due_ns, int status);

/* Nothing happens then. */
void deadline_clear(struct deadline *d);

#endif
