/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows the keys that a recording is about. */
#ifndef WQ_TREE_REPLAY_H
#define WQ_TREE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

/* Prints them as they were at the end of the recording in the file at PATH ("-": standard
 * input), as JSON if so. The exit status, after an error message if it failed. */
int tree_replay_print(const char *path, bool as_json);

/* Shows them on a terminal until the user quits or a signal ends it: after each event as long
 * as it was between them, if PACED, or else all at once. Changes are highlighted for HOLD_NS.
 * The exit status, after an error message if it failed. */
int tree_replay_live(const char *path, bool paced, uint64_t hold_ns);

#endif
