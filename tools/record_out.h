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

/* Reads FORMAT's name into HOW. False if it is none. */
bool record_out_format(struct record_out *how, const char *name);

/* Prints records of Q on stdout as HOW says, until there are no more to be had, or
 * SIGINT or SIGTERM comes. Blocks as long as that takes. Each batch is flushed.
 * WQCTL_OK, or WQCTL_FAILURE having said why. */
enum wqctl_exit record_out(const struct queue_file *q, const struct record_out *how);

#endif
