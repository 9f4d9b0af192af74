/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the mount what this process does to keys (WQFS_IOC_REPORT). A report is
 * begun before the operation and ended after it: some operations take away the
 * means to say which key they were done to.
 */
#ifndef WQSHIM_REPORT_H
#define WQSHIM_REPORT_H

#include <stdbool.h>

#include "wqfs.h"

struct wqshim_report {
	int mount;	/* its root directory */
	int special[4]; /* arguments to resolve when the operation is done */
	struct wqfs_key_report key;
};

/* Prepares R for operation OP (KEYCTL_* or WQFS_REPORT_*) with ARG. False if there is
 * nothing to tell: OP changes no key, or there is no mount to tell it to. If true,
 * wqshim_report_end() must follow. errno is kept. */
bool wqshim_report_begin(struct wqshim_report *r, unsigned int op, const long arg[4]);

/* Tells the mount, unless RESULT, what the operation returned, is an error; returns when
 * it knows. A mount that cannot be told is none of the program's business. Releases
 * what begin took; errno is kept. */
void wqshim_report_end(struct wqshim_report *r, long result);

#endif
