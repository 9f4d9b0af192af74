/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/start.h"

/* Every system has "/", but not every system has /dev/null. */
int wq_start_std_fds(int flags)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH | O_DIRECTORY | flags) < 0)
			return -errno;
	return 0;
}

/* Kernels before Linux 5.9 have no close_range(), and some seccomp filters do not know it. */
static int close_listed(int first)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name); /* 0 for "." and ".." */

		if (fd >= first && fd != dirfd(dir) && entry->d_name[0] != '.')
			close(fd);
	}
	closedir(dir);
	return 0;
}

int wq_start_close_fds(int first)
{
	return close_range((unsigned int)first, ~0u, 0) == 0 ? 0 : close_listed(first);
}

void wq_start_heed(sigset_t *set, int sig)
{
	struct sigaction was;

	if (sigaction(sig, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaddset(set, sig);
}

bool wq_start_has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool wq_start_is_hangup(const struct signalfd_siginfo *si, bool had_terminal)
{
	return si->ssi_code == SI_KERNEL || (had_terminal && !wq_start_has_terminal());
}

void wq_start_std_to_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i <= 2; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}
