/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that are asked about again and again, as for each record who reads it and who caused
 * it: whether they live, how often they have run, and their "status". The descriptors of their
 * files in /proc are kept; and a pidfd, by which Linux 6.15 and later tell how a thread has
 * ended that was reaped.
 */
#ifndef WQ_LIVES_H
#define WQ_LIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WQ_LIVES 32 /* threads whose descriptors are kept */

/* All zero: nothing is kept. */
struct wq_lives {
	struct wq_life {
		pid_t tid;
		int stat, schedstat, status; /* descriptors; 0: none */
		int pidfd;		     /* the same, of the thread of "stat" */
	} of[WQ_LIVES];
};

void wq_lives_fini(struct wq_lives *lives);

enum wq_life_fate {
	WQ_LIFE_GOES_ON, /* or /proc does not tell */
	/* By a signal: it will return from no system call, if it still exists. */
	WQ_LIFE_KILLED,
	WQ_LIFE_ENDED, /* by itself, or nobody knows how any more */
};

/* What has become of TID? */
enum wq_life_fate wq_lives_fate(struct wq_lives *lives, pid_t tid);

/* Reads the file "status" of TID into TEXT of SIZE bytes, as a string. False: it has ended. */
bool wq_lives_status(struct wq_lives *lives, pid_t tid, char *text, size_t size);

/* How often TID has run on a CPU so far; 0: /proc does not tell. */
uint64_t wq_lives_runs(struct wq_lives *lives, pid_t tid);

#endif
