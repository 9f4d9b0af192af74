/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_CRED_H
#define WQ_CRED_H

#include <sys/types.h>

/* The process that made a change. pid 0: unknown, and the other fields mean nothing. uid
 * WQ_UID_UNKNOWN: the process ended before more could be read, and gid and comm
 * mean nothing. */
#define WQ_UID_UNKNOWN ((uid_t)-1)

struct wq_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	char comm[16]; /* the command name, NUL-terminated */
};

#endif
