/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads records from a queue and prints them. */
#ifndef WQ_RECORD_OUT_H
#define WQ_RECORD_OUT_H

#include <stdbool.h>

#include "queue_file.h"
#include "wqctl.h"

struct record_out {
	enum wqfs_format format;
	bool time, who;	     /* text only: when it was posted, by whom if that is known */
	bool wait;	     /* for more, when there is no more */
	unsigned long count; /* records to print, no more being taken; 0: all */
	bool own;	     /* nobody else has the queue: stop when it watches nothing more,
			      * and do not take its end for a good one */
};

/* The options that say how records are printed: for getopt_long(), for a subcommand's
 * usage line and for its help. */
#define RECORD_OUT_LETTERS "t"
/* clang-format off */
#define RECORD_OUT_OPTIONS \
	{"format", required_argument, NULL, 'F'}, \
	{"time", no_argument, NULL, 't'}, \
	{"who", no_argument, NULL, 'W'}
/* clang-format on */
#define RECORD_OUT_ARGS "[--format FORMAT] [-t] [--who]"
#define RECORD_OUT_HELP                                      \
	"      --format FORMAT  text, json or raw (text)\n"  \
	"  -t, --time           text: begin with the time\n" \
	"      --who            text: end with the process that did it, where that is known\n"

/* For what getopt_long() gave that CMD has no case for: takes one of these options into
 * HOW and returns -1, else the exit status as wqctl_other_option() does. */
int record_out_option(const struct wqctl_cmd *cmd, struct record_out *how, int option);

/* Prints records of Q on stdout as HOW says, until there are no more to be had, or
 * SIGINT or SIGTERM comes. Blocks as long as that takes. Each batch is flushed.
 * WQCTL_OK, or WQCTL_FAILURE having said why. */
enum wqctl_exit record_out(const struct queue_file *q, const struct record_out *how);

#endif
