/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports to the mount what this process does to keys (WQFS_IOC_REPORT). A report begins before
 * the operation and ends after it, because some operations make it impossible to say afterwards
 * which key they changed.
 */
#ifndef WQSHIM_REPORT_H
#define WQSHIM_REPORT_H

#include <stdbool.h>

#include "wqfs.h"

struct wqshim_report {
	int mount; /* its root directory */
	struct wqfs_key_report key;
};

/* Tells the mount that this process is about to do operation OP (KEYCTL_* or WQFS_REPORT_*)
 * with ARG. False: there is nothing to tell, because OP changes no key, or there is no mount.
 * If true the caller must call wqshim_report_end(). Keeps errno. */
bool wqshim_report_begin(struct wqshim_report *r, unsigned int op, const long arg[4]);

/* Tells the mount that the operation has ended with RESULT (-errno: it failed), and returns
 * when the mount knows. Ignores failures to tell the mount: they do not concern the program.
 * Releases what wqshim_report_begin() took. Keeps errno. */
void wqshim_report_end(struct wqshim_report *r, long result);

#endif
