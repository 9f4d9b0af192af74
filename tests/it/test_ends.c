/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a daemon ends, and what happens to those who wait. */
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

#include "lib.h"

#define READERS 3

struct scene {
	pid_t daemon, readers[READERS];
	int fd;
	int32_t key;
};

/* Reads until end of file; the exit status shows how that went. */
static _Noreturn void read_to_the_end(void)
{
	char buf[4096];
	ssize_t n;
	int fd = open(IT_MNT "/q", O_RDONLY);

	if (fd < 0)
		_exit(1);
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0);
	_exit(n == 0 && close(fd) == 0 ? 0 : errno); /* as cat(1) does */
}

/* A queue that watches a key, and readers blocked on it. */
static void set_up(struct scene *s)
{
	s->daemon = it_start(NULL);
	s->key = it_key("wqfs-test:ends");
	s->fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(s->fd, s->key, 1), 0);
	for (int i = 0; i < READERS; i++) {
		s->readers[i] = it_fork();
		if (s->readers[i] == 0)
			read_to_the_end();
	}
	IT_UNTIL(it_stats(s->fd).readers == READERS);
}

static void all_read_to_the_end(const struct scene *s)
{
	for (int i = 0; i < READERS; i++)
		it_join(s->readers[i]);
}

static void signals_end_it_and_readers_get_end_of_file(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct scene s;

		set_up(&s);
		IT_EQ(kill(s.daemon, signals[i]), 0);
		it_ends(s.daemon);
		all_read_to_the_end(&s);
		IT_OK(it_unmounted());
		IT_EQ(close(s.fd), 0);
	}
}

static void polling_is_told_of_the_end(void)
{
	struct scene s;
	pid_t poller;

	set_up(&s);
	poller = it_fork();
	if (poller == 0) {
		struct pollfd p = {.fd = s.fd, .events = POLLIN};

		IT_EQ(poll(&p, 1, -1), 1);
		IT_OK(p.revents & POLLHUP);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(poller, SYS_poll));
	it_stop(s.daemon);
	it_join(poller);
}

static void waiting_ioctls_are_interrupted_by_the_end(void)
{
	struct scene s;
	pid_t waiter;

	s.daemon = it_start(NULL);
	s.key = it_key("wqfs-test:ends");
	s.fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	it_fill(s.fd, s.key, 1);
	waiter = it_fork();
	if (waiter == 0) {
		IT_ERRNO(ioctl(s.fd, PIPE_IOC_SYNC), EINTR);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(waiter, SYS_ioctl));
	it_stop(s.daemon);
	it_join(waiter);
}

static void unmounting_ends_an_idle_daemon(void)
{
	pid_t daemon = it_start(NULL);
	int fd = it_queue("q", O_RDONLY);

	IT_EQ(it_watch(fd, it_key("wqfs-test:ends"), 1), 0);
	close(fd);
	it_unmount(NULL);
	it_ends(daemon);
	IT_OK(it_unmounted());
}

static void unmounting_a_busy_mount_is_refused(void)
{
	const char *argv[] = {"fusermount3", "-u", IT_MNT, NULL};
	struct scene s;

	set_up(&s);
	IT_OK(it_run(argv, "unmount.out") != 0);
	it_change(s.fd, s.key);
	IT_UNTIL(it_stats(s.fd).queued == 0);
	IT_UNTIL(it_stats(s.fd).readers == READERS);
	it_stop(s.daemon);
	all_read_to_the_end(&s);
}

static void after_a_lazy_unmount_readers_go_on_until_they_close(void)
{
	struct scene s;

	set_up(&s);
	it_unmount("-z");
	IT_OK(it_unmounted());
	for (int i = 0; i < 10; i++) {
		it_change(s.fd, s.key);
		IT_UNTIL(it_stats(s.fd).queued == 0);
	}
	IT_UNTIL(it_stats(s.fd).readers == READERS);
	for (int i = 0; i < READERS; i++) {
		IT_EQ(kill(s.readers[i], SIGKILL), 0);
		IT_EQ(it_wait(s.readers[i]), -SIGKILL);
	}
	it_change(s.fd, s.key);
	IT_EQ(it_stats(s.fd).queued, 1);
	IT_EQ(it_state(s.daemon) == 'Z', false);
	close(s.fd);
	it_ends(s.daemon);
}

static void forced_unmount_frees_readers_and_ends_it(void)
{
	struct scene s;

	it_need_root();
	set_up(&s);
	(void)umount2(IT_MNT, MNT_FORCE); /* EBUSY, but it has cut the connection */
	for (int i = 0; i < READERS; i++)
		IT_OK(it_wait(s.readers[i]) >= 0);
	it_ends(s.daemon);
}

static void forced_and_lazy_unmount_frees_readers_and_ends_it(void)
{
	struct scene s;

	it_need_root();
	set_up(&s);
	IT_EQ(umount2(IT_MNT, MNT_FORCE | MNT_DETACH), 0);
	for (int i = 0; i < READERS; i++)
		IT_OK(it_wait(s.readers[i]) >= 0);
	it_ends(s.daemon);
	IT_OK(it_unmounted());
}

/* A killed daemon leaves a mount point that answers ENOTCONN. */
static void restart_on_stale(void)
{
	struct scene s;
	struct pollfd p;

	set_up(&s);
	IT_EQ(kill(s.daemon, SIGKILL), 0);
	IT_EQ(it_wait(s.daemon), -SIGKILL);
	for (int i = 0; i < READERS; i++)
		IT_OK(it_wait(s.readers[i]) > 0);
	IT_ERRNO(access(IT_MNT, F_OK), ENOTCONN);
	p = (struct pollfd){.fd = s.fd, .events = POLLIN};
	IT_EQ(poll(&p, 1, -1), 1);
	IT_OK(p.revents & POLLERR);

	s.daemon = it_start(NULL);
	s.fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(s.fd, s.key, 1), 0);
	it_change(s.fd, s.key);
	IT_EQ(it_stats(s.fd).queued, 1);
	it_has_replaced_a_dead_one();
	it_stop(s.daemon);
}

static void stale_mount_point_can_be_used_again(void)
{
	restart_on_stale();
}

static void stale_mount_point_can_be_used_again_by_a_user(void)
{
	uid_t uid = it_nobody();

	it_device_mode(0666);
	it_become(uid);
	restart_on_stale();
}

static pid_t only_child(void)
{
	char path[64];
	long pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	pid = strtol(it_text(path), NULL, 10);
	IT_OK(pid > 0);
	return (pid_t)pid;
}

static void command_returns_when_the_mount_is_usable(void)
{
	const char **foreground = it_daemon_argv(NULL), *argv[32];
	struct stat st;
	size_t n = 0;
	pid_t daemon;

	it_stop(it_start(NULL)); /* skips where nothing can be mounted */
	for (size_t i = 0; foreground[i]; i++)
		if (strcmp(foreground[i], "-f"))
			argv[n++] = foreground[i];
	argv[n] = NULL;
	IT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	IT_EQ(it_run(argv, IT_OUT), 0);
	IT_STR(it_text(IT_OUT), "");
	IT_OK(it_mounted());
	close(it_queue("q", O_RDONLY));
	IT_EQ(stat(IT_MNT "/q", &st), 0);
	/* the daemon has left the directory to which its mount point was relative */
	daemon = only_child();
	it_stop(daemon);
}

static void signal_at_the_mount_leaves_none(void)
{
	pid_t daemon;

	it_need_root(); /* else fusermount3 mounts, which nothing is preloaded into */
	if (getenv("WQFS_WRAPPER"))
		it_skip("WQFS_WRAPPER runs the daemon");
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	setenv("LD_PRELOAD", END_AT_MOUNT, 1);
	daemon = it_spawn(it_daemon_argv(NULL), IT_OUT);
	unsetenv("LD_PRELOAD");
	IT_EQ(it_wait(daemon), 0);
	IT_OK(it_unmounted());
}

static const struct it_test tests[] = {
	{"a signal ends the daemon and blocked readers get end of file",
		signals_end_it_and_readers_get_end_of_file},
	{"who polls is told of the end", polling_is_told_of_the_end},
	{"ioctls that wait are interrupted by the end",
		waiting_ioctls_are_interrupted_by_the_end},
	{"unmounting ends an idle daemon", unmounting_ends_an_idle_daemon},
	{"unmounting a busy mount is refused and harmless", unmounting_a_busy_mount_is_refused},
	{"after a lazy unmount readers go on until they close, then the daemon ends",
		after_a_lazy_unmount_readers_go_on_until_they_close},
	{"a forced unmount frees blocked readers and ends the daemon",
		forced_unmount_frees_readers_and_ends_it},
	{"a forced and lazy unmount frees blocked readers and ends the daemon",
		forced_and_lazy_unmount_frees_readers_and_ends_it},
	{"the stale mount point of a killed daemon can be used again",
		stale_mount_point_can_be_used_again},
	{"the stale mount point of a killed daemon can be used again by a user",
		stale_mount_point_can_be_used_again_by_a_user},
	{"the command returns when the mount is usable and the daemon ends by a signal",
		command_returns_when_the_mount_is_usable},
	{"a signal that comes as soon as it has mounted leaves no mount behind",
		signal_at_the_mount_leaves_none},
};

IT_MAIN(tests)
