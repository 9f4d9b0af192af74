/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process behind a request, as far as its rights matter. */
#ifndef WQ_CALLER_H
#define WQ_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"

struct wq_caller {
	pid_t pid; /* of the thread; 0 if it lives in a pid namespace we do not see */
	uid_t uid; /* fsuid and fsgid */
	gid_t gid;
	bool compat; /* a 32-bit call to a 64-bit kernel: its system calls are not traced */
	/* Supplementary groups: asked for only when a key's group decides. */
	bool (*in_group)(const struct wq_caller *caller, gid_t gid);
	void *private; /* in_group()'s */
};

/* Is GID the caller's group, or one of its supplementary ones? */
bool wq_caller_in_group(const struct wq_caller *caller, gid_t gid);

/* RLIMIT_NOFILE of the caller, which bounds its watches as in the kernel; our own
 * where the caller's cannot be read. */
uint64_t wq_caller_nofile(const struct wq_caller *caller);

/* Who it is, for a record. */
struct wq_cred wq_caller_cred(const struct wq_caller *caller);

#endif
