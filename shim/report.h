/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports to the mount what this process does to keys (WQFS_IOC_REPORT), as far as the mount's
 * board says that it wants to know. A report begins before the operation and ends after it,
 * because some operations make it impossible to say afterwards which key they changed.
 *
 *	wqshim_report_init(&report, op, arg);
 *	wqshim_report_begin(&report);
 *	... the operation ...
 *	wqshim_report_end(&report, result);
 */
#ifndef WQSHIM_REPORT_H
#define WQSHIM_REPORT_H

#include <stdbool.h>

#include "board.h"
#include "wqfs.h"

struct wq_operation_type;

struct wqshim_report {
	struct wqshim_seen seen;
	unsigned int op;
	const long *arg;
	const struct wq_operation_type *type; /* NULL: no watch gets anything by it */
	bool nothing;	/* the mount wanted none when the operation began */
	bool is_filled; /* KEY has the arguments */
	bool wants_end; /* the mount is to be told when the operation has ended */
	int mount;	/* its root directory, or below 0: not open */
	struct wqfs_key_report key;
};

/* Prepares for a report of operation OP (KEYCTL_* or WQFS_REPORT_*) with ARG, which must live
 * until the end, and may get what has been found out until the report begins. Of an operation
 * that only reads nothing is ever to be reported, and the mount is not even looked at: its
 * daemon may be stopped. Keeps errno, as the others do. */
void wqshim_report_init(struct wqshim_report *r, unsigned int op, const long arg[4]);

/* May the mount want to know? Else no more has to be found out about the operation. */
static inline bool wqshim_report_is_wanted(const struct wqshim_report *r)
{
	return !r->nothing;
}

/* Tells the mount, if it wants to know, that this process is about to do the operation. */
void wqshim_report_begin(struct wqshim_report *r);

/* Tells the mount, if it wants to know, that the operation has ended with RESULT (-errno: it
 * failed), and returns when the mount knows. Ignores failures to tell the mount: they do not
 * concern the program. Releases what wqshim_report_begin() took. */
void wqshim_report_end(struct wqshim_report *r, long result);

#endif
