/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that made a request, as far as its rights matter. */
#ifndef WQ_CALLER_H
#define WQ_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct wq_caller {
	pid_t pid; /* of the thread; 0 if it is in a pid namespace that we do not see */
	uid_t uid; /* fsuid and fsgid */
	gid_t gid;
	bool compat; /* a 32-bit call on a 64-bit kernel: the trace does not see its system
			calls */
	/* Supplementary groups, read only when a key's group decides. */
	bool (*in_group)(const struct wq_caller *caller, gid_t gid);
	void *private; /* for in_group() */
};

/* Is GID the caller's group, or one of its supplementary ones? */
bool wq_caller_in_group(const struct wq_caller *caller, gid_t gid);

/* RLIMIT_NOFILE of the caller, which limits its watches as in the kernel. If it cannot be read,
 * our own limit. */
uint64_t wq_caller_nofile(const struct wq_caller *caller);

#endif
