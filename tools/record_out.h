/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads records from a queue and prints them. */
#ifndef WQ_RECORD_OUT_H
#define WQ_RECORD_OUT_H

#include <stdbool.h>

#include "queue_file.h"
#include "wqctl.h"

struct record_out {
	enum wqfs_format format;
	bool time, who; /* text only: print the time of the record, and who caused it if that is
			   known */
	bool wait;	/* wait for more records when none is left */
	unsigned long count; /* records to print, after which none is taken; 0: all */
};

/* The options that say how records are printed, in three forms: for getopt_long(), for the
 * usage line of a subcommand, and for its help. */
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

/* Handles an option of getopt_long() that CMD does not know. If it is one of these, stores it
 * in HOW and returns -1; else returns the exit status as wqctl_other_option() does. */
int record_out_option(const struct wqctl_cmd *cmd, struct record_out *how, int option);

/* Prints records of Q on stdout as HOW says, until no more can come, or until SIGINT or
 * SIGTERM. Blocks as long as that takes. Flushes after each batch. WQCTL_OK, or WQCTL_FAILURE
 * after an error message. */
enum wqctl_exit record_out(const struct queue_file *q, const struct record_out *how);

#endif
