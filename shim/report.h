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
	int mount; /* its root directory */
	struct wqfs_key_report key;
};

/* Tells the mount that operation OP (KEYCTL_* or WQFS_REPORT_*) with ARG is about to be
 * done. False if there is nothing to tell: OP changes no key, or there is no mount to tell
 * it to. If true, wqshim_report_end() must follow. errno is kept. */
bool wqshim_report_begin(struct wqshim_report *r, unsigned int op, const long arg[4]);

/* Tells the mount that it was done, with what RESULT (-errno: it failed), and returns when
 * the mount knows. A mount that cannot be told is none of the program's business. Releases
 * what begin took; errno is kept. */
void wqshim_report_end(struct wqshim_report *r, long result);

#endif
