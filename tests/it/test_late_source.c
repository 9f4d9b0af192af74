/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request that changes what a queue gets, or asks what it has, is carried out when all that
 * was done before it has been handled, although the daemon has much to handle. It has a limit:
 * whoever floods the sources does not delay others for long.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "bystander.h"
#include "kernel_source.h"
#include "lib.h"
#include "records.h"

/* More than a daemon handles in the millisecond that a request takes anyway, and less than what
 * a request waits for. */
#define TRACE_BACKLOG  ((IT_SANITIZED ? 800 : 4000) / test_slowness())
#define KERNEL_BACKLOG ((IT_SANITIZED ? 2000 : 10000) / test_slowness())
#define A_READ_WAITS_FOR \
	8 /* times less than other requests, and also more than a millisecond */
#define TOO_MUCH	 (200000 / test_slowness()) /* for that */
#define TOO_MUCH_TO_READ (TOO_MUCH / 8)

static pid_t daemon_pid;
static int backlog, fd, other;
static int32_t key_a, key_b;

static void by_trace(void)
{
	close(trace_need());
	daemon_pid = it_start("source=trace,trace_buffer_kb=65536");
	backlog = TRACE_BACKLOG;
}

static void by_trace_elsewhere(void)
{
	setenv("WQFS_ELSEWHERE", "1", 1);
	by_trace();
}

static void by_kernel(void)
{
	daemon_pid = kernel_source_start("");
	backlog = KERNEL_BACKLOG;
}

/* ---- a daemon that is late ---- */

static void make_backlog(int n)
{
	for (int i = 0; i < n; i++)
		IT_EQ(keyctl_update(key_b, "1", 1), 0);
}

/* From now on the daemon has still N changes to handle, and after them the one that DEED made.
 */
static void stop_daemon(int n, void (*deed)(void))
{
	IT_EQ(kill(daemon_pid, SIGSTOP), 0);
	make_backlog(n);
	deed();
}

/* Another process makes REQUEST, by the system call NR, which waits. Returns it. */
static pid_t request_of(void (*request)(void), long nr)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		it_interruptible(SIGUSR1);
		request();
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, nr));
	return pid;
}

/* Another process makes REQUEST while the daemon has still N changes to handle, and after them
 * the one that DEED made. That process gets the signal SIG, if it is not 0, while it waits.
 * Returns it. */
static pid_t make_late(int n, void (*deed)(void), void (*request)(void), long nr, int sig)
{
	pid_t pid;

	stop_daemon(n, deed);
	pid = request_of(request, nr);
	if (sig)
		IT_EQ(kill(pid, sig), 0);
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	return pid;
}

static void update(void)
{
	IT_EQ(keyctl_update(key_a, "1", 1), 0);
}

static void update_twice(void)
{
	update();
	update();
}

static void begin(void (*start)(void))
{
	start();
	key_a = it_key("wqfs-test:a");
	key_b = it_key("wqfs-test:b");
	IT_EQ(keyctl_setperm(key_a, EVERY_PERM), 0);
	IT_EQ(keyctl_setperm(key_b, EVERY_PERM), 0);
	records_name(key_a, "A");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	other = it_queue("other", O_RDONLY);
	IT_EQ(it_watch(other, key_a, 1), 0);
	IT_EQ(it_watch(other, key_b, 1), 0);
}

/* ---- what they request ---- */

static const struct wqfs_filter nothing = {
	.nr_filters = 1,
	.filters = {{.type = WATCH_TYPE_META, .subtype_filter = {1}}},
};

static void watch(void)
{
	IT_EQ(it_watch(fd, key_a, 1), 0);
}

static void set_watch(int id)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %d", key_a, id);
	IT_EQ(fsetxattr(fd, WQFS_XATTR_WATCHES, text, strlen(text), 0), 0);
}

static void watch_by_attr(void)
{
	set_watch(1);
}

static void unwatch(void)
{
	IT_EQ(it_watch(fd, key_a, -1), 0);
}

static void unwatch_by_attr(void)
{
	set_watch(-1);
}

static void set_filter(void)
{
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &nothing), 0);
}

static void set_sized_filter(void)
{
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FILTER, &nothing), 0);
}

static void set_filter_by_attr(void)
{
	IT_EQ(fsetxattr(fd, WQFS_XATTR_FILTER, "key:revoked", 11, 0), 0);
}

static void remove_filter(void)
{
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, NULL), 0);
}

static void remove_filter_by_attr(void)
{
	IT_EQ(fremovexattr(fd, WQFS_XATTR_FILTER), 0);
}

static void set_size(void)
{
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
}

static void set_size_by_attr(void)
{
	IT_EQ(fsetxattr(fd, WQFS_XATTR_SIZE, "32", 2, 0), 0);
}

static void ask_bytes(void)
{
	int n;

	IT_EQ(ioctl(fd, WQFS_IOC_GET_BYTES, &n), 0);
	IT_EQ(n, 2 * sizeof(struct key_notification));
}

/* A request, its system call, whether the queue watches A before, has a filter or no size, and
 * what it then has of two changes that were made before the request. */
static const struct kind {
	void (*request)(void);
	long nr;
	bool watches, is_filtered, has_no_size;
	const char *records;
} kinds[] = {
	{watch, SYS_ioctl, false, false, false, ""},
	{watch_by_attr, SYS_fsetxattr, false, false, false, ""},
	{unwatch, SYS_ioctl, true, false, false, "A:updated A:updated A:removed"},
	{unwatch_by_attr, SYS_fsetxattr, true, false, false, "A:updated A:updated A:removed"},
	{set_filter, SYS_ioctl, true, false, false, "A:updated A:updated"},
	{set_sized_filter, SYS_ioctl, true, false, false, "A:updated A:updated"},
	{set_filter_by_attr, SYS_fsetxattr, true, false, false, "A:updated A:updated"},
	{remove_filter, SYS_ioctl, true, true, false, ""},
	{remove_filter_by_attr, SYS_fremovexattr, true, true, false, ""},
	{set_size, SYS_ioctl, true, false, true, ""},
	{set_size_by_attr, SYS_fsetxattr, true, false, true, ""},
	{ask_bytes, SYS_ioctl, true, false, false, "A:updated A:updated"},
};

static void have_done(const struct kind *k, int sig)
{
	close(fd);
	IT_EQ(unlink(IT_MNT "/q"), 0);
	fd = it_queue(k->has_no_size ? WQFS_ANONYMOUS : "q", O_RDWR | O_NONBLOCK);
	if (k->has_no_size)
		IT_EQ(mknod(IT_MNT "/q", S_IFREG | 0600, 0), 0);
	if (k->watches)
		watch();
	if (k->is_filtered)
		set_filter();
	it_join(make_late(backlog, update_twice, k->request, k->nr, sig));
	IT_STR(records(fd), k->records);
}

static void each_is_in_order(void (*start)(void), int sig)
{
	begin(start);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		printf("# %zu\n", i);
		fflush(stdout);
		have_done(&kinds[i], sig);
	}
}

static void requests_are_in_order_by_trace(void)
{
	each_is_in_order(by_trace, 0);
}

static void requests_are_in_order_by_trace_elsewhere(void)
{
	each_is_in_order(by_trace_elsewhere, 0);
}

static void requests_are_in_order_by_the_kernel(void)
{
	each_is_in_order(by_kernel, 0);
}

/* The kernel does not interrupt these. */
static void signals_change_nothing(void)
{
	begin(by_trace);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].request != set_filter) /* its memory may hang */
			have_done(&kinds[i], SIGUSR1);
}

/* ---- reads ---- */

static void read_two(void)
{
	char buf[4 * sizeof(struct key_notification)];

	IT_EQ(read(fd, buf, sizeof(buf)), 2 * sizeof(struct key_notification));
}

/* How long the daemon has run, in nanoseconds. */
static uint64_t daemon_ran_ns(void)
{
	unsigned long long ran;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)daemon_pid);
	IT_EQ(sscanf(it_text(path), "%llu", &ran), 1);
	return ran;
}

/* How many changes the daemon handles in half the time that a read waits for, as busy as the
 * machine is now; not more than MOST. */
static int for_a_read(int most)
{
	const uint64_t half_ns = 5000000;
	uint64_t ran_ns;

	IT_EQ(kill(daemon_pid, SIGSTOP), 0);
	make_backlog(most);
	ran_ns = daemon_ran_ns();
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	ran_ns = daemon_ran_ns() - ran_ns;
	return ran_ns <= half_ns ? most : (int)((uint64_t)most * half_ns / ran_ns);
}

/* The queue has a record of the one change, but not yet of the other. */
static void a_read_takes_all(void (*start)(void))
{
	begin(start);
	watch();
	for (int i = 0; i < 10; i++) {
		update();
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0); /* it is posted */
		it_join(make_late(
			for_a_read(backlog / A_READ_WAITS_FOR), update, read_two, SYS_read, 0));
	}
}

static void a_read_takes_all_by_trace(void)
{
	a_read_takes_all(by_trace);
}

static void a_read_takes_all_by_the_kernel(void)
{
	a_read_takes_all(by_kernel);
}

static int32_t key_c;

static void update_c(void)
{
	IT_EQ(keyctl_update(key_c, "1", 1), 0);
}

static void read_first(void)
{
	struct key_notification got[4];

	IT_OK(read(fd, got, sizeof(got)) >= (ssize_t)sizeof(got[0]));
	IT_EQ(got[0].key_id, (uint32_t)key_a);
}

static void read_not_the_first(void)
{
	struct key_notification got;

	IT_OK(read(fd, &got, sizeof(got)) == -1 || got.key_id == (uint32_t)key_c);
}

/* One waits for a second record, and the other, whose buffer the first record fills, does not
 * take that meanwhile. */
static void no_reader_overtakes_another(void)
{
	begin(by_trace);
	watch();
	key_c = it_key("wqfs-test:c");
	IT_EQ(it_watch(fd, key_c, 1), 0);
	for (int i = 0; i < 10; i++) {
		pid_t first, second;

		update();
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0); /* it is posted */
		stop_daemon(backlog, update_c);
		first = request_of(read_first, SYS_read);
		second = request_of(read_not_the_first, SYS_read);
		IT_EQ(kill(daemon_pid, SIGCONT), 0);
		it_join(first);
		it_join(second);
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		(void)records(fd);
	}
}

static int read_fd; /* of what the following functions read */

static void read_some(void)
{
	char buf[4 * sizeof(struct key_notification)];

	IT_OK(read(read_fd, buf, sizeof(buf)) >= (ssize_t)sizeof(struct key_notification));
}

static void read_end(void)
{
	char c;

	IT_EQ(read(read_fd, &c, 1), 0);
}

/* As in the kernel, where there is something to read, or the end. */
static void no_signal_interrupts_a_read_that_finds_something(void)
{
	struct pollfd ended = {.events = POLLIN};
	char path[32];

	begin(by_trace);
	watch();
	for (int i = 0; i < 4; i++) {
		read_fd = i % 2 ? open(IT_MNT "/q", O_RDONLY) : fd;
		IT_OK(read_fd >= 0);
		update();
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		it_join(make_late(TOO_MUCH_TO_READ, update, read_some, SYS_read, SIGUSR1));
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		(void)records(fd);
	}
	ended.fd = read_fd = it_queue(WQFS_ANONYMOUS, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", read_fd);
	close(open(path, O_WRONLY)); /* the last writer */
	IT_UNTIL(poll(&ended, 1, 0) == 1 && (ended.revents & POLLHUP));
	it_join(make_late(0, update, read_end, SYS_read, SIGUSR1));
}

enum { KILLS = 4, ROUNDS = 200 };

/* Starts REQUEST with a backlog of N, sends it SIG if that is not 0, and kills it when the
 * daemon has read it from the kernel. False: it had ended before. */
static bool kill_late(int n, void (*request)(void), long nr, int sig)
{
	struct stat st;
	pid_t pid = make_late(n, update, request, nr, sig);

	IT_EQ(stat(IT_MNT, &st), 0); /* the daemon reads in order */
	IT_EQ(kill(pid, SIGKILL), 0);
	return it_wait(pid) == -SIGKILL;
}

/* What it found is there for the next. One that was answered just before has taken it. */
static void a_killed_read_takes_nothing(void)
{
	int kills = 0;

	begin(by_trace);
	watch();
	read_fd = fd;
	for (int i = 0; kills < KILLS; i++) {
		const char *left;
		bool killed;

		IT_OK(i < ROUNDS);
		update();
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		killed = kill_late(TOO_MUCH_TO_READ, read_some, SYS_read, i % 2 ? SIGUSR1 : 0);
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		left = records(fd);
		if (killed && !strstr(left, "LOSS")) {
			IT_STR(left, "A:updated A:updated");
			kills++;
		}
	}
}

/* ---- limits ---- */

static void what_may_be_missed_is_lost(void)
{
	begin(by_trace);
	for (int i = 0; i < 4; i++) {
		const bool filters = i % 2;

		watch();
		it_join(make_late(
			TOO_MUCH, update, filters ? set_sized_filter : unwatch, SYS_ioctl, 0));
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		IT_STR(records(fd), filters ? "LOSS" : "LOSS A:removed");
		if (!filters)
			continue;
		remove_filter();
		unwatch();
		(void)records(fd);
	}
}

/* A signal kills who waits, also if another one has come before: the watch stays. */
static void who_waits_can_be_killed(void)
{
	int kills[2] = {0, 0};

	begin(by_trace);
	watch();
	for (int i = 0; !kills[0] || !kills[1]; i++) {
		IT_OK(i < ROUNDS);
		if (kill_late(TOO_MUCH, unwatch, SYS_ioctl, i % 2 ? SIGUSR1 : 0) &&
			it_watch(fd, key_a, 1) == -1 && errno == EBUSY)
			kills[i % 2]++;
		else
			(void)it_watch(fd, key_a, 1);
		(void)records(fd);
	}
	it_stop(daemon_pid);
}

static void a_queue_can_go_meanwhile(void)
{
	begin(by_trace);
	watch();
	for (int i = 0; i < 4; i++) {
		pid_t pid = make_late(TOO_MUCH, update, unwatch, SYS_ioctl, 0);

		IT_EQ(unlink(IT_MNT "/q"), 0);
		close(fd);
		it_join(pid);
		fd = it_queue("q", O_RDONLY | O_NONBLOCK);
		watch();
	}
	(void)make_late(TOO_MUCH, update, unwatch, SYS_ioctl, 0);
	it_stop(daemon_pid);
}

static void never_end(void)
{
	for (;;)
		make_backlog(1);
}

/* The sources never come to an end. On a busy machine the daemon's time takes longer to pass.
 */
static void a_flood_delays_nobody_for_long(void)
{
	enum { FLOODERS = 4, REQUESTS = 50, LIMIT_MS = 50 };
	uint64_t ran_ns;

	begin(by_trace);
	for (int i = 0; i < FLOODERS; i++)
		if (it_fork() == 0)
			never_end();
	ran_ns = daemon_ran_ns();
	for (int i = 0; i < REQUESTS; i++)
		if (i % 2)
			unwatch();
		else
			watch();
	ran_ns = daemon_ran_ns() - ran_ns;
	printf("# %.1f ms of the daemon's time each\n", (double)ran_ns / REQUESTS / 1e6);
	fflush(stdout);
	IT_OK(ran_ns / REQUESTS < 2 * LIMIT_MS * 1000000ull);
	bystander_trace_ends();
}

static const struct it_test tests[] = {
	{"requests are in order with what was done before by trace",
		requests_are_in_order_by_trace},
	{"requests are in order with what was done before by trace in another session",
		requests_are_in_order_by_trace_elsewhere},
	{"requests are in order with what was done before by the kernel's functions",
		requests_are_in_order_by_the_kernel},
	{"a signal changes nothing about that", signals_change_nothing},
	{"a read that finds a record takes all that was done before by trace",
		a_read_takes_all_by_trace},
	{"a read that finds a record takes all that was done before by the kernel's functions",
		a_read_takes_all_by_the_kernel},
	{"a reader that waits for more is not overtaken", no_reader_overtakes_another},
	{"no signal interrupts a read that finds records or the end",
		no_signal_interrupts_a_read_that_finds_something},
	{"a read that is killed while it waits for more takes nothing",
		a_killed_read_takes_nothing},
	{"what a queue may have missed by a request is a loss", what_may_be_missed_is_lost},
	{"who waits for what was done before can be killed", who_waits_can_be_killed},
	{"a queue can lose its name, and its daemon end, while a request waits",
		a_queue_can_go_meanwhile},
	{"a flood delays nobody for long", a_flood_delays_nobody_for_long},
};

IT_MAIN(tests)
