/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/caller.h"

bool wq_caller_in_group(const struct wq_caller *caller, gid_t gid)
{
	return caller->gid == gid || (caller->in_group && caller->in_group(caller, gid));
}

/* prlimit() on another user's process needs a capability that root in a container may lack;
 * everybody may read this file. */
static bool read_limits(pid_t pid, struct rlimit *r)
{
	char path[64], line[256];
	unsigned long soft;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Max open files %lu", &soft) == 1;
	fclose(f);
	if (found)
		r->rlim_cur = soft;
	return found;
}

uint64_t wq_caller_nofile(const struct wq_caller *caller)
{
	struct rlimit r;

	if ((caller->pid > 0 && (prlimit(caller->pid, RLIMIT_NOFILE, NULL, &r) == 0 ||
					read_limits(caller->pid, &r))) ||
		getrlimit(RLIMIT_NOFILE, &r) == 0)
		return r.rlim_cur;
	return 0;
}
