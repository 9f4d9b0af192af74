/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a command for each event, one at a time, in order. */
#ifndef WQ_RUN_EACH_H
#define WQ_RUN_EACH_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/loop.h"
#include "event.h"

struct run_job;
STAILQ_HEAD(run_jobs, run_job);

/* By value in its owner, who sets done(). */
struct run_each {
	struct wq_loop *loop;
	const char *command; /* for sh -c */
	struct run_jobs waiting;
	size_t nr; /* of those that wait and the one that runs */
	struct wq_loop_fd child;
	pid_t pid;   /* 0: none runs */
	bool failed; /* a command has failed, or could not be started */

	/* A command has ended. */
	void (*done)(struct run_each *run);
};

void run_each_init(struct run_each *run, struct wq_loop *loop, const char *command);

/* Runs the command for EVENT when those before it have ended. It finds the event in its
 * environment and, as JSON, on its standard input. */
void run_each_add(struct run_each *run, const struct event *event);

/* Waits for the command that runs. Says on stderr for how many events none was run. */
void run_each_fini(struct run_each *run);

#endif
