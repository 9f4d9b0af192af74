/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_CRED_H
#define WQ_CRED_H

#include <sys/types.h>

/* The subject of a change. pid 0: not known, and the rest says nothing. uid
 * WQ_UID_UNKNOWN: it had gone before more could be asked; gid and comm say nothing. */
#define WQ_UID_UNKNOWN ((uid_t)-1)

struct wq_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	char comm[16]; /* the command's name, NUL-terminated */
};

#endif
