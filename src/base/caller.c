/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

/* Reads the command name of thread PID into COMM (16 bytes; empty if it cannot be read). */
static void comm_of(pid_t pid, char *comm)
{
	char path[64];
	ssize_t n;
	int fd;

	memset(comm, 0, 16);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, comm, 16);
	close(fd);
	if (n < 0)
		n = 0;
	if (n > 0 && comm[n - 1] == '\n')
		n--;
	if (n > 15)
		n = 15;
	memset(comm + n, 0, (size_t)(16 - n));
}

struct wq_cred wq_caller_cred(const struct wq_caller *caller)
{
	struct wq_cred who = {.pid = caller->pid, .uid = caller->uid, .gid = caller->gid};

	if (caller->pid > 0)
		comm_of(caller->pid, who.comm);
	return who;
}
