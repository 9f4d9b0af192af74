/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A time at which the process ends, whatever it waits for: a timer of its loop does not fire
 * while a daemon that does not answer keeps the loop waiting, nor before it runs.
 */
#ifndef WQ_DEADLINE_H
#define WQ_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define DEADLINE_NEVER UINT64_MAX

/* By value in its owner. All zero: none is set. */
struct deadline {
	bool set;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t sooner;
	uint64_t due_ns;
	int status;
	bool ending;
};

/* Soon after DUE_NS of wq_now_ns() the process exits with STATUS, without writing out anything,
 * unless it sets another time or clears this one: a loop that runs has been told of its own
 * timers by then. A time that is set already moves. False after an error message. */
bool deadline_set(struct deadline *d, uint64_t due_ns, int status);

/* Nothing happens then. Does nothing if none is set. */
void deadline_clear(struct deadline *d);

#endif
