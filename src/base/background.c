/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/background.h"

/* The exit status of the parent says whether the mount is usable. */
static int wait_until_ready(pid_t child, int fd)
{
	int status;
	char c;
	ssize_t n;

	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status)) {
		fprintf(stderr, "wqfs: the daemon died before the mount was usable\n");
		return 1;
	}
	return WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
}

int wq_background_begin(int *ready_fd)
{
	int fds[2];
	pid_t pid;

	*ready_fd = -1;
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		fprintf(stderr, "wqfs: cannot start: %s\n", strerror(errno));
		return 1;
	}
	if (pid > 0) {
		close(fds[1]);
		return wait_until_ready(pid, fds[0]);
	}
	close(fds[0]);
	*ready_fd = fds[1];
	return 0;
}

void wq_background_ready(int *ready_fd)
{
	if (*ready_fd < 0)
		return;
	(void)!write(*ready_fd, "", 1);
	close(*ready_fd);
	*ready_fd = -1;
}
