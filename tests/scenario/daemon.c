/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../slowness.h"
#include "text.h"

#define START_MS (10000 * test_patience())
#define STOP_MS	 (10000 * test_patience())

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "scenario: %s: %s\n", what, why);
	return -1;
}

dev_t sc_daemon_device(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0) {
		complain(dir, strerror(errno));
		exit(2);
	}
	return st.st_dev;
}

static bool mounted(const char *dir, dev_t below)
{
	struct stat st;

	/* A mount whose daemon has gone, or is going, cannot be looked at, but is one. */
	return stat(dir, &st) < 0 ? errno != ENOENT : st.st_dev != below;
}

_Noreturn static void exec_command(const char *command)
{
	char *copy = strdup(command), *words[SC_WORDS_MAX + 1];
	sigset_t none;

	words[copy ? sc_split(copy, words) : 0] = NULL;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execvp(words[0], words);
	complain(words[0], strerror(errno));
	_exit(127);
}

static bool ends_within(const struct sc_daemon *d, int ms)
{
	struct pollfd p = {.fd = d->pidfd, .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

/* Ends the daemon whatever it takes. Returns its wait status. */
static int end_process(struct sc_daemon *d)
{
	int status = -1;

	if (!ends_within(d, 0))
		kill(d->pid, SIGKILL);
	waitpid(d->pid, &status, 0);
	close(d->pidfd);
	return status;
}

/* The table of mounts polls as changed when something was mounted. */
static bool wait_mounted(const struct sc_daemon *d)
{
	struct pollfd p[] = {{.fd = d->pidfd, .events = POLLIN},
		{.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), .events = POLLPRI}};
	int r = 1;

	while (r > 0 && !mounted(d->dir, d->below) && !(p[0].revents & POLLIN))
		r = poll(p, 2, START_MS);
	close(p[1].fd);
	return mounted(d->dir, d->below) && !(p[0].revents & POLLIN);
}

int sc_daemon_start(struct sc_daemon *d, const char *command, const char *dir)
{
	d->dir = dir;
	d->below = sc_daemon_device(dir);
	d->pid = fork();
	if (d->pid == 0)
		exec_command(command);
	if (d->pid < 0)
		return complain("fork", strerror(errno));
	d->pidfd = (int)syscall(SYS_pidfd_open, d->pid, 0);
	if (wait_mounted(d))
		return 0;
	end_process(d);
	sc_daemon_sweep(dir, d->below);
	return complain(command, "did not mount");
}

static int run_fusermount(const char *options, const char *dir)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execlp("fusermount3", "fusermount3", options, dir, NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status == 0 ? 0 : -1;
}

static int unmount(const char *dir, bool lazily)
{
	if (geteuid() == 0)
		return umount2(dir, lazily ? MNT_DETACH : 0);
	return run_fusermount(lazily ? "-uz" : "-u", dir);
}

bool sc_daemon_sweep(const char *dir, dev_t below)
{
	if (!mounted(dir, below))
		return false;
	if (unmount(dir, true) < 0)
		complain(dir, strerror(errno));
	return true;
}

int sc_daemon_stop(struct sc_daemon *d)
{
	int err = 0, status;

	if (unmount(d->dir, false) < 0)
		err = complain(d->dir, "cannot be unmounted");
	if (!err && !ends_within(d, STOP_MS))
		err = complain(d->dir, "unmounted, but its daemon does not end");
	status = end_process(d);
	sc_daemon_sweep(d->dir, d->below);
	if (!err && status != 0)
		err = complain(d->dir, "its daemon ended with a failure");
	return err;
}
