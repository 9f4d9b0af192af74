/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings: a line of JSON that says what was recorded, and which keys there were when it
 * began; and a line for each event. */
#ifndef WQ_RECORDING_H
#define WQ_RECORDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "event.h"
#include "key_tree.h"

/* Writes the first line of a recording of KEYS, which ends with NULL, to stdout: TREE watches
 * them, and nothing has happened since that will not be recorded. MOUNT is the wqfs whose
 * queues are shown. False after an error message. */
bool recording_begin(const struct key_tree *tree, const char *mount, char **keys);

/* One that is read. By value in its owner. */
struct recording {
	json_t *header; /* its first line */
	struct event event;

	FILE *f;
	const char *path;
	char *text;
	size_t size;
	unsigned long nr; /* of the line that was read last */
	json_t *line;
	struct key_name key, aux; /* their texts belong to LINE */
};

/* Opens the file at PATH ("-": standard input) and reads its header. False after an error
 * message: there is nothing to close. Blocks. */
bool recording_open(struct recording *r, const char *path);
void recording_close(struct recording *r);

/* Reads the next event into R->event, where it is valid until the next call. 1; 0: there are no
 * more; -1 after an error message. Blocks. */
int recording_next(struct recording *r);

/* The first line is not as it must be. Says so. */
void recording_complain(const struct recording *r);

/* As a recorded time has it. False: it is none. */
bool recording_began(const struct recording *r, time_t *when);

#endif
