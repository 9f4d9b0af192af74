/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What wqfs inherits: closed and open descriptors, ignored and blocked signals. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib.h"

/* What the program inherits, besides what we have. */
struct given {
	int closed;  /* bit N: descriptor N is closed */
	int ignored; /* a signal, or 0 */
	int blocked; /* a signal, or 0 */
};

static const char **daemon_argv(bool foreground)
{
	const char **argv = it_daemon_argv(NULL);
	size_t n = 0;

	for (size_t i = 0; argv[i]; i++)
		if (foreground || strcmp(argv[i], "-f"))
			argv[n++] = argv[i];
	argv[n] = NULL;
	return argv;
}

static void give(const struct given *g)
{
	sigset_t set;

	sigemptyset(&set);
	if (g->blocked)
		sigaddset(&set, g->blocked);
	sigprocmask(SIG_SETMASK, &set, NULL);
	if (g->ignored)
		signal(g->ignored, SIG_IGN);
	for (int fd = 0; fd <= 2; fd++)
		if (g->closed & 1 << fd)
			close(fd);
}

static pid_t start_given(const char **argv, const struct given *g)
{
	pid_t pid = it_fork();

	if (pid)
		return pid;
	give(g);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* It works, and ends when it is unmounted. */
static void serves_and_ends(void)
{
	int fd = it_queue("q", O_RDONLY);

	IT_EQ(it_stats(fd).size, 256);
	close(fd);
	IT_EQ(unlink(IT_MNT "/q"), 0);
	it_unmount(NULL);
	IT_UNTIL(it_unmounted());
}

static void need_mounts(void)
{
	it_stop(it_start(NULL));
}

static void mounts_with_closed_descriptors(void)
{
	need_mounts();
	for (int closed = 1; closed < 8; closed++) {
		const struct given g = {.closed = closed};

		IT_EQ(it_wait(start_given(daemon_argv(false), &g)), 0);
		if (!it_mounted())
			IT_FAIL("without descriptors %#x it ends with 0, and mounts nothing",
				closed);
		serves_and_ends();
	}
}

static void mounts_in_the_foreground_with_closed_descriptors(void)
{
	need_mounts();
	for (int closed = 1; closed < 8; closed++) {
		const struct given g = {.closed = closed};
		pid_t pid = start_given(daemon_argv(true), &g);

		IT_UNTIL(it_mounted());
		serves_and_ends();
		IT_EQ(it_wait(pid), 0);
	}
}

/* The exit status is 1 and not 0, and nothing is mounted. */
static void fails_with_closed_descriptors(void)
{
	const char **argv = daemon_argv(false);
	size_t n = 0;

	while (strcmp(argv[n], IT_MNT))
		n++;
	argv[n] = "missing";
	for (int closed = 0; closed < 8; closed++) {
		const struct given g = {.closed = closed};

		IT_EQ(it_wait(start_given(argv, &g)), 1);
	}
}

/* Is the lock free that the caller has on a descriptor, as by `flock 9` of a shell? */
static bool lock_is_free(void)
{
	int fd = open("lock", O_RDWR | O_CLOEXEC);
	bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;

	close(fd);
	return is_free;
}

static void callers_lock_is_not_held_on(void)
{
	static const struct given nothing;

	need_mounts();
	for (int foreground = 0; foreground < 2; foreground++) {
		int lock = open("lock", O_RDWR | O_CREAT, 0600);
		pid_t pid;

		IT_EQ(flock(lock, LOCK_EX), 0);
		pid = start_given(daemon_argv(foreground), &nothing);
		if (!foreground)
			IT_EQ(it_wait(pid), 0);
		IT_UNTIL(it_mounted());
		IT_OK(!lock_is_free());
		close(lock);
		IT_OK(lock_is_free());
		serves_and_ends();
		if (foreground)
			IT_EQ(it_wait(pid), 0);
	}
}

/* A signal is pending as soon as it was sent, and handled before later requests. */
static void survives(pid_t daemon, int sig)
{
	int fd = it_queue("q", O_RDONLY);

	IT_EQ(kill(daemon, sig), 0);
	for (int i = 0; i < 100; i++)
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	close(fd);
}

static void ignored_signals_stay_ignored(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};

	need_mounts();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		const struct given g = {.ignored = signals[i]};
		pid_t pid = start_given(daemon_argv(true), &g);

		IT_UNTIL(it_mounted());
		survives(pid, signals[i]);
		serves_and_ends();
		IT_EQ(it_wait(pid), 0);
	}
}

static void other_signals_end_it(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};

	need_mounts();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* one is ignored and another is blocked: that must not change the third */
		const struct given g = {.ignored = signals[(i + 1) % 3], .blocked = signals[i]};
		pid_t pid = start_given(daemon_argv(true), &g);

		IT_UNTIL(it_mounted());
		IT_EQ(kill(pid, signals[i]), 0);
		IT_EQ(it_wait(pid), 0);
		IT_OK(it_unmounted());
	}
}

/* If SIGCHLD is ignored nobody can wait for a child. */
static void ignored_children_change_nothing(void)
{
	const struct given g = {.ignored = SIGCHLD};
	const char **argv = daemon_argv(false);
	size_t n = 0;
	int out;

	need_mounts();
	IT_EQ(it_wait(start_given(daemon_argv(false), &g)), 0);
	IT_OK(it_mounted());
	serves_and_ends();
	while (strcmp(argv[n], IT_MNT))
		n++;
	argv[n] = "missing";
	out = open("said", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	fflush(stdout);
	IT_EQ(dup2(out, 2), 2);
	IT_EQ(it_wait(start_given(argv, &g)), 1);
	IT_STR(it_text("said"), "wqfs: cannot mount on missing: No such file or directory\n");
}

static const struct it_test tests[] = {
	{"wqfs mounts, whichever of descriptors 0 to 2 are closed",
		mounts_with_closed_descriptors},
	{"wqfs -f mounts, whichever of descriptors 0 to 2 are closed",
		mounts_in_the_foreground_with_closed_descriptors},
	{"a mount that fails is an exit status of 1, whichever descriptors are closed",
		fails_with_closed_descriptors},
	{"a lock on a descriptor of the caller's is not held on", callers_lock_is_not_held_on},
	{"what was ignored at the start stays ignored", ignored_signals_stay_ignored},
	{"what was not ignored at the start ends it, blocked or not", other_signals_end_it},
	{"SIGCHLD that was ignored at the start changes nothing",
		ignored_children_change_nothing},
};

IT_MAIN(tests)
