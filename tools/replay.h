/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows recordings as lines. */
#ifndef WQ_REPLAY_H
#define WQ_REPLAY_H

#include <stdbool.h>
#include <time.h>

#include "event_out.h"
#include "wqfs.h"

struct replay_options {
	struct event_style style;
	struct wqfs_filter filter; /* nr_filters 0: all */
	bool paced;		   /* wait between events as long as it was */
};

/* Shows the recording in the file at PATH ("-": standard input). The exit status, after an
 * error message if it failed. Blocks if it is paced. */
int replay_run(const struct replay_options *o, const char *path);

/* How long it was from BEFORE, 0 for the first event, to NOW. 0 if the clock was set back. */
uint64_t replay_pause_ns(const struct timespec *before, const struct timespec *now);

#endif
