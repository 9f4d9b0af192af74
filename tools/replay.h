/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings: a line of JSON that says what was recorded, and a line for each event. */
#ifndef WQ_REPLAY_H
#define WQ_REPLAY_H

#include <stdbool.h>

#include "event_out.h"
#include "wqfs.h"

struct replay_options {
	struct event_style style;
	struct wqfs_filter filter; /* nr_filters 0: all */
	bool paced;		   /* wait between events as long as it was */
};

/* Writes the first line of a recording of KEYS, which ends with NULL, to stdout. */
void recording_begin(char **keys);

/* Shows the recording in the file at PATH ("-": standard input). The exit status, after an
 * error message if it failed. Blocks if it is paced. */
int replay_run(const struct replay_options *o, const char *path);

#endif
