/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/libc.h"
#include "base/mounts.h"
#include "base/start.h"
#include "mount_find.h"
#include "private_dir.h"

#define STOP_TIMEOUT_MS 5000 /* how long a daemon may take to unmount */

/* The keeper's state. */
struct keeper {
	const char *daemon;
	char *dir;   /* the mount point */
	dev_t below; /* the device of the file system below the mount */
	int process; /* pidfd of the process that the mount is for */
	int report; /* to that process: a zero byte when the mount is ready, else the reason why
		       not */
	int log;    /* what the daemon writes before it is ready */
	int signals;   /* signals that ask the keeper to stop at once */
	pid_t pid;     /* the daemon */
	int daemon_fd; /* its pidfd */
};

/* ---- the daemon's process ---- */

static void exec_daemon(const struct keeper *k, pid_t keeper)
{
	/* Root's command may become another user, who still needs its queues. */
	const char *options = geteuid() == 0 ? "-oallow_other" : NULL;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != keeper || dup2(k->log, STDERR_FILENO) < 0)
		_exit(1);
	/* we end the daemon by SIGTERM, even if the command ignores that */
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execlp(k->daemon, k->daemon, "-f", WQ_MOUNT_PRIVATE, k->dir, options, (char *)NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", k->daemon, strerror(errno));
	_exit(1);
}

static int start_daemon(struct keeper *k)
{
	pid_t keeper = getpid();

	k->pid = fork();
	if (k->pid < 0)
		return -errno;
	if (!k->pid)
		exec_daemon(k, keeper);
	k->daemon_fd = pidfd_open(k->pid, 0);
	return k->daemon_fd < 0 ? -errno : 0;
}

/* ---- the keeper's process ---- */

/* Is the mount there, and does its daemon answer? */
static bool is_mounted(const struct keeper *k)
{
	struct stat st;

	return stat(k->dir, &st) == 0 && st.st_dev != k->below;
}

/* Waits until FIRST is ready for EVENTS (returns true), or the process or the daemon ends, or a
 * signal asks to stop (returns false). */
static bool wait_for(const struct keeper *k, int first, short events)
{
	struct pollfd fds[] = {
		{first, events, 0},
		{k->process, POLLIN, 0},
		{k->daemon_fd, POLLIN, 0},
		{k->signals, POLLIN, 0},
	};

	while (poll(fds, 4, -1) < 0)
		if (errno != EINTR)
			return false;
	return !fds[1].revents && !fds[2].revents && !fds[3].revents;
}

/* The kernel wakes whoever polls the list of mounts when that list changes. */
static bool wait_until_mounted(const struct keeper *k)
{
	int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	bool mounted, go_on = mounts >= 0;

	while (!(mounted = is_mounted(k)) && go_on)
		go_on = wait_for(k, mounts, POLLPRI);
	if (mounts >= 0)
		close(mounts);
	return mounted;
}

static void detach(const struct keeper *k)
{
	pid_t pid;

	if (umount2(k->dir, MNT_DETACH) == 0)
		return;
	pid = fork();
	if (!pid) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", k->dir, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

/* A daemon that gets SIGTERM unmounts by itself. This unmounts what a dead daemon
 * left behind. */
static void stop_daemon(const struct keeper *k)
{
	struct pollfd end = {k->daemon_fd, POLLIN, 0};

	kill(k->pid, SIGTERM);
	if (poll(&end, 1, STOP_TIMEOUT_MS) != 1)
		kill(k->pid, SIGKILL);
	waitpid(k->pid, NULL, 0);
	if (rmdir(k->dir)) {
		detach(k);
		rmdir(k->dir);
	}
}

static void report_failure(const struct keeper *k)
{
	char text[1024];
	ssize_t n = pread(k->log, text, sizeof(text), 0);

	if (n <= 0)
		n = snprintf(text, sizeof(text), "%s ended without a word\n", k->daemon);
	if (write(k->report, text, (size_t)n) != n)
		_exit(1);
}

static void keep(struct keeper *k)
{
	int ret = start_daemon(k);

	if (ret < 0) {
		dprintf(k->report, "cannot start %s: %s\n", k->daemon, strerror(-ret));
		rmdir(k->dir);
		return;
	}
	if (wait_until_mounted(k)) {
		fcntl(k->log, F_ADD_SEALS, F_SEAL_GROW); /* nobody will read the log */
		if (write(k->report, "", 1) == 1)
			wait_for(k, -1, 0);
	} else {
		report_failure(k);
	}
	stop_daemon(k);
}

/* Moves the COUNT descriptors to the numbers FIRST and up. */
static bool move_together(int *const fds[], int count, int first)
{
	/* move all to higher numbers first, so that none overwrites another */
	for (int i = 0; i < count; i++) {
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, first + count);
		if (*fds[i] < 0)
			return false;
	}
	for (int i = 0; i < count; i++) {
		*fds[i] = dup3(*fds[i], first + i, O_CLOEXEC);
		if (*fds[i] < 0)
			return false;
	}
	return wq_start_close_fds(first + count) == 0;
}

/* The daemon inherits /dev/null as its standard descriptors. */
static bool take_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return false;
	return true;
}

/* Gives up the terminal, the directory and the descriptors of the process, so that nobody waits
 * in vain for one of them to be closed. On failure the keeper exits; the process that waits for
 * its report sees end of file. */
static void leave_process(struct keeper *k)
{
	int *const kept[] = {&k->process, &k->report, &k->log, &k->signals};

	if (k->signals < 0 || !take_null() ||
		!move_together(kept, ARRAY_SIZE(kept), STDERR_FILENO + 1) || chdir("/"))
		_exit(1);
}

/* Opens a signalfd for the signals that ask to stop, except those that are ignored: the command
 * ignores them too, and still needs the keeper. */
static int open_stop_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	wq_start_heed(&set, SIGTERM);
	wq_start_heed(&set, SIGINT);
	wq_start_heed(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Starts the keeper as a child of init, not of this process. */
static int start_keeper(struct keeper *k)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid) {
		waitpid(pid, NULL, 0);
		return 0;
	}
	setsid();
	pid = fork();
	if (pid)
		_exit(pid < 0);
	signal(SIGCHLD, SIG_DFL);
	k->signals = open_stop_signals();
	leave_process(k);
	keep(k);
	_exit(0);
}

/* ---- the process that has a private mount ---- */

/* Stores the directory's mode and device, too. */
static int prepare_dir(struct keeper *k)
{
	struct stat st;

	if (geteuid() == 0 && chmod(k->dir, 0711))
		return -errno;
	if (stat(k->dir, &st))
		return -errno;
	k->below = st.st_dev;
	return 0;
}

static int make_dir(struct keeper *k)
{
	const char *where = "";
	int ret = wq_private_dir(&k->dir, &where);

	if (!ret) {
		ret = prepare_dir(k);
		if (!ret)
			return 0;
		where = k->dir;
		rmdir(k->dir);
	}
	fprintf(stderr, "wqrun: cannot make a directory in %s for a private wqfs: %s\n", where,
		strerror(-ret));
	return ret;
}

/* Reads the keeper's report: it comes when the mount is ready, or when the keeper has ended. */
static int read_report(int fd)
{
	char text[1024];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
		len += (size_t)n;
		if (!text[len - 1])
			return 0;
	}
	text[len] = '\0';
	fprintf(stderr, "wqrun: cannot start a private wqfs: %s%s",
		len ? text : "the keeper died", len && text[len - 1] == '\n' ? "" : "\n");
	return -EIO;
}

static int open_all(struct keeper *k, int report[2])
{
	k->process = pidfd_open(getpid(), 0);
	if (k->process < 0)
		return -errno;
	k->log = memfd_create("wqfs-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (k->log < 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC))
		return -errno;
	k->report = report[1];
	return 0;
}

static void close_all(const struct keeper *k, const int report[2])
{
	const int fds[] = {k->process, k->log, report[0], report[1]};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int mount_on_dir(struct keeper *k)
{
	int report[2] = {-1, -1}, ret = open_all(k, report);

	if (!ret)
		ret = start_keeper(k);
	if (ret) {
		rmdir(k->dir);
		fprintf(stderr, "wqrun: cannot start a private wqfs: %s\n", strerror(-ret));
	} else {
		/* our copy, so that the keeper's end gives end of file */
		close(report[1]);
		report[1] = -1;
		ret = read_report(report[0]);
	}
	close_all(k, report);
	return ret;
}

/* The keeper could tell nobody that it leaves a mount behind. */
static int can_be_unmounted(void)
{
	int err = wq_mounts_would_stay();

	if (err)
		fprintf(stderr,
			"wqrun: cannot start a private wqfs: " WQ_MTAB ": %s: " WQ_MTAB_HELP
			"\n",
			strerror(err));
	return -err;
}

int wq_private_mount(const char *daemon, char **path)
{
	struct keeper k = {.daemon = daemon, .process = -1, .log = -1};
	int ret = can_be_unmounted();

	if (ret)
		return ret;
	ret = make_dir(&k);
	if (!ret)
		ret = mount_on_dir(&k);
	if (ret)
		free(k.dir);
	else
		*path = k.dir;
	return ret;
}
