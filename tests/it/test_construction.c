/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys under construction: KEYCTL_WATCH_KEY waits for them, and so does wqfs. The kernel runs a
 * program to construct a key; this test installs one.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "lib.h"
#include "records.h"

#define RULES	    "/etc/request-key.d"
#define RULE	    RULES "/wqfs-test.conf"
#define DESCRIPTION "wqfs-test:construction"

/* It says which key it has, waits for a word, and does with the key what the word says. If the
 * test dies, which holds the other end of the pipe, it continues without a word, because the
 * process that requested the key cannot be killed before. */
static const char script[] = "#!/bin/sh\n"
			     "cd \"${0%/*}\" || exit 1\n"
			     "echo \"$1\" >serial.new && mv serial.new serial || exit 1\n"
			     "read -r word <words\n"
			     "case $word in\n"
			     "negate) exec keyctl negate \"$1\" 60 \"$2\" ;;\n"
			     "reject) exec keyctl reject \"$1\" 60 rejected \"$2\" ;;\n"
			     "leave) exit ;;\n"
			     "*) exec keyctl instantiate \"$1\" 1 \"$2\" ;;\n"
			     "esac\n";

struct rig {
	pid_t requester;
	int words, fd;
	int32_t key; /* under construction */
};

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		it_skip("%s: %m", path);
	IT_EQ(write(fd, text, strlen(text)), strlen(text));
	IT_EQ(fchmod(fd, mode), 0);
	close(fd);
}

static void install(void)
{
	char dir[PATH_MAX], rule[PATH_MAX + 256];

	it_need_root();
	it_need_bare_daemon("valgrind holds the signals back that end a wait for a key");
	if (access("/sbin/request-key", X_OK) < 0 || access(RULES, W_OK) < 0)
		it_skip("keys are not constructed by request-key here");
	if (access("/bin/keyctl", X_OK) < 0)
		it_skip("keyctl is not installed");
	IT_OK(getcwd(dir, sizeof(dir)));
	IT_EQ(mkfifo("words", 0600), 0);
	write_file("construct", script, 0700);
	snprintf(rule, sizeof(rule), "create user " DESCRIPTION " * %s/construct %%k %%S\n",
		dir);
	unlink(RULE); /* left by a test that could not clean up */
	it_remove_later(RULE);
	write_file(RULE, rule, 0644);
}

static void begin(struct rig *r, const char *options)
{
	install();
	r->words = open("words", O_RDWR | O_CLOEXEC);
	IT_OK(r->words >= 0);
	it_start(options);
	r->fd = it_queue("q", O_RDONLY | O_NONBLOCK);
}

/* A process requests the key, to be linked into RING, and must get the error WANT, or 0. */
static void request(struct rig *r, int32_t ring, int want)
{
	r->requester = it_fork();
	if (r->requester == 0) {
		long key;

		close(r->words);
		key = request_key("user", DESCRIPTION, "x", ring);

		_exit((key > 0 ? 0 : errno) != want);
	}
	IT_UNTIL(access("serial", F_OK) == 0 || it_state(r->requester) == 'Z');
	if (access("serial", F_OK) < 0)
		it_skip("the kernel does not call this system's request-key");
	r->key = (int32_t)strtol(it_text("serial"), NULL, 10);
	IT_OK(r->key > 0);
}

static void set_up(struct rig *r, int want)
{
	begin(r, NULL);
	request(r, KEY_SPEC_SESSION_KEYRING, want);
}

static void say(const struct rig *r, const char *word)
{
	IT_EQ(write(r->words, word, strlen(word)), strlen(word));
}

/* A process that watches the key and must get the error WANT, or 0. */
static pid_t watcher(const struct rig *r, int id, int want)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		it_interruptible(SIGUSR1);
		if (want)
			IT_ERRNO(it_watch(it_queue("other", O_RDONLY), r->key, id), want);
		else
			IT_EQ(it_watch(r->fd, r->key, id), 0);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_ioctl) || it_state(pid) == 'Z');
	return pid;
}

/* Others are served in the meantime. */
static void is_serving(const struct rig *r)
{
	int32_t key = it_key("wqfs-test:meanwhile");
	char buf[16];

	for (int i = 0; i < 100; i++) {
		it_fill(r->fd, key, 1);
		it_change(r->fd, key);
		IT_EQ(read(r->fd, buf, sizeof(buf)), sizeof(buf));
	}
}

static void watch_waits(void)
{
	struct rig r;
	pid_t waiting;
	char buf[16];

	set_up(&r, 0);
	waiting = watcher(&r, 3, 0);
	is_serving(&r);
	IT_EQ(it_state(waiting) == 'Z', false);
	IT_EQ(it_stats(r.fd).watches, 0);
	say(&r, "instantiate\n");
	it_join(r.requester);
	it_join(waiting);
	IT_EQ(it_stats(r.fd).watches, 1);
	it_change(r.fd, r.key);
	IT_EQ(read(r.fd, buf, sizeof(buf)), sizeof(buf));
}

static void watch_waits_for_construction(void)
{
	watch_waits();
}

/* A process that watches the key by the attribute of the queue "q". */
static pid_t watcher_by_attribute(const struct rig *r, int want)
{
	char text[32];
	pid_t pid = it_fork();

	if (pid == 0) {
		it_interruptible(SIGUSR1);
		snprintf(text, sizeof(text), "%d 3", r->key);
		if (want)
			IT_ERRNO(setxattr(IT_MNT "/q", WQFS_XATTR_WATCHES, text, strlen(text),
					 0),
				want);
		else
			IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_WATCHES, text, strlen(text), 0),
				0);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_setxattr) || it_state(pid) == 'Z');
	return pid;
}

static void watch_by_attribute_waits(void)
{
	struct rig r;
	pid_t interrupted, waiting, other;

	set_up(&r, 0);
	interrupted = watcher_by_attribute(&r, EINTR);
	waiting = watcher_by_attribute(&r, 0);
	other = watcher(&r, 1, EBUSY);
	is_serving(&r);
	IT_EQ(kill(interrupted, SIGUSR1), 0);
	it_join(interrupted);
	IT_EQ(it_state(waiting) == 'Z', false);
	IT_EQ(kill(other, SIGKILL), 0);
	IT_EQ(it_wait(other), -SIGKILL);
	say(&r, "instantiate\n");
	it_join(r.requester);
	it_join(waiting);
	IT_EQ(it_stats(r.fd).watches, 1);
}

static void all_who_wait_are_served(void)
{
	enum { WAITING = 50 };
	pid_t waiting[WAITING];
	struct rig r;

	set_up(&r, 0);
	for (int i = 0; i < WAITING; i++) {
		char name[32];

		waiting[i] = it_fork();
		if (waiting[i])
			continue;
		snprintf(name, sizeof(name), "queue %d", i);
		IT_EQ(it_watch(it_queue(name, O_RDONLY), r.key, 1), 0);
		_exit(0);
	}
	for (int i = 0; i < WAITING; i++)
		IT_UNTIL(it_in_syscall(waiting[i], SYS_ioctl));
	is_serving(&r);
	say(&r, "instantiate\n");
	it_join(r.requester);
	for (int i = 0; i < WAITING; i++)
		it_join(waiting[i]);
}

static void trying_to_watch_does_not_wait(void)
{
	struct wqfs_watch_key watch = {.watch_id = 3};
	struct rig r;

	set_up(&r, 0);
	watch.key = r.key;
	for (int i = 0; i < 3; i++)
		IT_ERRNO(ioctl(r.fd, WQFS_IOC_TRY_WATCH_KEY, &watch), EINPROGRESS);
	is_serving(&r);
	IT_EQ(it_stats(r.fd).watches, 0);
	say(&r, "instantiate\n");
	it_join(r.requester);
	IT_EQ(ioctl(r.fd, WQFS_IOC_TRY_WATCH_KEY, &watch), 0);
	IT_EQ(it_stats(r.fd).watches, 1);
	IT_ERRNO(ioctl(r.fd, WQFS_IOC_TRY_WATCH_KEY, &watch), EBUSY);
}

/* The daemon interrupts its own question by a signal. */
static void blocked_signals_hold_nobody_up(void)
{
	sigset_t all;

	sigfillset(&all);
	IT_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	watch_waits();
}

static void waiting_for_construction_can_be_interrupted(void)
{
	struct rig r;
	pid_t waiting[2];

	set_up(&r, 0);
	waiting[0] = watcher(&r, 1, EINTR);
	waiting[1] = watcher(&r, 1, 0);
	IT_EQ(kill(waiting[0], SIGUSR1), 0);
	it_join(waiting[0]);
	IT_EQ(kill(waiting[1], SIGKILL), 0);
	IT_EQ(it_wait(waiting[1]), -SIGKILL);
	is_serving(&r);
	say(&r, "instantiate\n");
	it_join(r.requester);
	IT_EQ(it_stats(r.fd).watches, 0);
}

/* The watch waits first for what was done before it, which a signal does not end. */
static void a_signal_that_came_before_interrupts(void)
{
	struct rig r;
	int32_t other;
	pid_t pid;
	int fd;

	close(trace_need());
	begin(&r, "source=trace,trace_buffer_kb=65536");
	request(&r, KEY_SPEC_SESSION_KEYRING, 0);
	other = it_key("wqfs-test:backlog");
	fd = it_queue("other", O_RDONLY);
	IT_EQ(kill(it_daemon(), SIGSTOP), 0);
	for (int i = 0; i < 20000 / test_slowness(); i++)
		IT_EQ(keyctl_update(other, "1", 1), 0);
	pid = it_fork();
	if (pid == 0) {
		it_interruptible(SIGUSR1);
		IT_ERRNO(it_watch(fd, r.key, 1), EINTR);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_ioctl));
	IT_EQ(kill(pid, SIGUSR1), 0);
	IT_EQ(kill(it_daemon(), SIGCONT), 0);
	it_join(pid);
	is_serving(&r);
	say(&r, "instantiate\n");
	it_join(r.requester);
}

static void key_that_comes_out_negative_gives_its_error(void)
{
	struct rig r;
	pid_t waiting;

	set_up(&r, ENOKEY);
	waiting = watcher(&r, 1, ENOKEY);
	say(&r, "negate\n");
	it_join(r.requester);
	it_join(waiting);
	IT_ERRNO(it_watch(r.fd, r.key, 1), ENOKEY);
}

static void key_that_is_rejected_gives_its_error(void)
{
	struct rig r;
	pid_t waiting;

	set_up(&r, EKEYREJECTED);
	waiting = watcher(&r, 1, EKEYREJECTED);
	say(&r, "reject\n");
	it_join(r.requester);
	it_join(waiting);
}

/* Nobody answers: the kernel makes the key negative without a call that could be reported. The
 * key was linked before. */
static void request_that_fails_tells_what_it_linked(void)
{
	int32_t ring;
	struct rig r;

	close(trace_need());
	begin(&r, "source=trace,resync_s=86400");
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_ALL), 0);
	IT_EQ(it_watch(r.fd, ring, 1), 0);
	NO_RECORDS(r.fd); /* no scan that earlier changes ask for comes after this */
	request(&r, ring, ENOKEY);
	records_name(ring, "RING");
	records_name(r.key, "NEGATIVE");
	say(&r, "leave\n");
	it_join(r.requester);
	RECORDS_UNTIL(r.fd, "RING:linked:NEGATIVE");
	NO_RECORDS(r.fd);
}

/* Takes one record, and comes again each millisecond, behind all others that wait. */
static _Noreturn void read_again_and_again(int fd)
{
	static const struct itimerval each_ms = {{0, 1000}, {0, 1000}};
	char buf[16];
	ssize_t n;

	it_interruptible(SIGALRM);
	IT_EQ(setitimer(ITIMER_REAL, &each_ms, NULL), 0);
	do
		n = read(fd, buf, sizeof(buf));
	while (n < 0 && errno == EINTR);
	IT_EQ(n, sizeof(buf));
	_exit(0);
}

/* The first watch of a key reads /proc/keys, which shows what was done to others. */
static void record_that_a_watch_brings_reaches_a_waiting_reader(void)
{
	pid_t waiting, reader;
	int32_t other;
	struct rig r;
	int fd;

	/* so that memory changes when it is freed */
	setenv("MALLOC_PERTURB_", "165", 1);
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	begin(&r, "source=poll,poll_min_ms=60000,poll_max_ms=60000");
	other = it_key("wqfs-test:other");
	fd = it_queue("others", O_RDONLY);
	IT_EQ(it_watch(fd, other, 1), 0);
	request(&r, KEY_SPEC_SESSION_KEYRING, 0);
	waiting = watcher(&r, 3, 0);
	reader = it_fork();
	if (reader == 0)
		read_again_and_again(fd);
	IT_UNTIL(it_stats(fd).readers == 1);
	IT_EQ(keyctl_set_timeout(other, 3600), 0);
	say(&r, "instantiate\n");
	it_join(r.requester);
	it_join(waiting);
	/* on a busy machine such a pass is too dear for a watch */
	IT_EQ(ioctl(r.fd, WQFS_IOC_SYNC), 0);
	it_join(reader);
	IT_EQ(it_stats(r.fd).watches, 1);
}

static const struct it_test tests[] = {
	{"trying to watch a key does not wait for its construction",
		trying_to_watch_does_not_wait},
	{"a watch waits for a key under construction and holds nobody up",
		watch_waits_for_construction},
	{"setting the watches waits for a key under construction", watch_by_attribute_waits},
	{"all who wait for a key are served", all_who_wait_are_served},
	{"a daemon that was started with all signals blocked holds nobody up either",
		blocked_signals_hold_nobody_up},
	{"waiting for a construction can be interrupted",
		waiting_for_construction_can_be_interrupted},
	{"so can a watch that had a signal before it waited for its key",
		a_signal_that_came_before_interrupts},
	{"a key that comes out negative gives its error",
		key_that_comes_out_negative_gives_its_error},
	{"a request that fails tells what it has linked",
		request_that_fails_tells_what_it_linked},
	{"a key that is rejected gives its error", key_that_is_rejected_gives_its_error},
	{"a record that a waiting watch brings reaches a reader who waits behind it",
		record_that_a_watch_brings_reaches_a_waiting_reader},
};

IT_MAIN(tests)
