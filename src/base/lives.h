/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether threads live, and how often they have run. The same threads are asked about again and
 * again, once or twice for each record, so the descriptors of their files in /proc are kept.
 */
#ifndef WQ_LIVES_H
#define WQ_LIVES_H

#include <stdint.h>
#include <sys/types.h>

#define WQ_LIVES 32 /* threads whose descriptors are kept, two for each */

struct wq_lives {
	struct wq_life {
		pid_t tid;	     /* 0: none */
		int stat, schedstat; /* descriptors, or -1 */
	} of[WQ_LIVES];
};

void wq_lives_init(struct wq_lives *lives);
void wq_lives_fini(struct wq_lives *lives);

enum wq_life_fate {
	WQ_LIFE_GOES_ON, /* or /proc does not tell */
	/* By a signal: it will return from no system call, if it still exists. */
	WQ_LIFE_KILLED,
	WQ_LIFE_ENDED, /* by itself, or nobody knows how any more */
};

/* What has become of TID? */
enum wq_life_fate wq_lives_fate(struct wq_lives *lives, pid_t tid);

/* How often TID has run on a CPU so far; 0: /proc does not tell. */
uint64_t wq_lives_runs(struct wq_lives *lives, pid_t tid);

#endif
