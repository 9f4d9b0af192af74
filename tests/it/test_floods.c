/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No process can keep the daemon from others: whatever it does, the stat() of a bystander is
 * answered within 20 ms in 99 of 100 cases, and on a busy machine within four times more than
 * without the flood (bystander.h).
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "bystander.h"
#include "lib.h"
#include "records.h"

#define MANY 4000 /* keys that are watched */

static int root_fd, fd;
static int32_t keys[MANY];

static void set_up(const char *options)
{
	it_need_bare_daemon("it would measure valgrind");
	it_start(options);
	root_fd = open(IT_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	IT_OK(root_fd >= 0);
	IT_OK(it_queue("bystander", O_RDONLY) >= 0);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
}

static void set_up_tracing(const char *options)
{
	close(trace_need());
	set_up(options);
}

/* The trace must hold all of it; but a sanitizer's daemon is slower than the kernel, and so is
 * one that does not get a CPU, or has one all the time and it is a slow one (wqfs(8)). All of
 * them say so. */
static void end_without_overrun(void)
{
	if (IT_SANITIZED || !bystander_left_daemon_idle())
		bystander_trace_ends();
}

static void watch_many(void)
{
	struct rlimit limit = {MANY + 1000, MANY + 1000};

	it_need_root(); /* others may have 200 keys */
	IT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:many %d", i);
		keys[i] = it_key(name);
		IT_EQ(it_watch(fd, keys[i], 1), 0);
	}
}

/* ---- floods ---- */

static void sync_root(void)
{
	IT_EQ(ioctl(root_fd, WQFS_IOC_SYNC), 0);
}

static void syncs(void)
{
	set_up_tracing("source=trace");
	bystander_is_served(sync_root);
}

static void fill(unsigned int size)
{
	int32_t key = it_key("wqfs-test:fill");

	/* which makes it known, so that a new watch need not read it again */
	IT_EQ(it_watch(it_queue("other", O_RDONLY), key, 1), 0);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, size), 0);
	it_fill(fd, key, size);
	IT_EQ(it_stats(fd).queued, size);
}

static void change_format(void)
{
	static const char *const formats[] = {"json", "text", "raw"};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, formats[i], strlen(formats[i]),
			      0),
			0);
		IT_EQ(stat(IT_MNT "/q", &st), 0);
		IT_OK(st.st_size > 0);
	}
}

static void changes_of_the_format_of_a_full_queue(void)
{
	set_up("source=poll,max_size=65536");
	fill(65536);
	bystander_is_served(change_format);
}

/* So many queues last until the bystander has asked often. Each change is a line in all of
 * them. */
#define FULL_QUEUES 16
#define FULL	    65536

static int full_fd[FULL_QUEUES];

static void fill_queues(void)
{
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE, .arg = {it_key("wqfs-test:full")}};

	for (int i = 0; i < FULL_QUEUES; i++) {
		char name[24];

		snprintf(name, sizeof(name), "full %d", i);
		full_fd[i] = it_queue(name, O_RDONLY | O_NONBLOCK);
		IT_EQ(ioctl(full_fd[i], IOC_WATCH_QUEUE_SET_SIZE, FULL), 0);
		IT_EQ(ioctl(full_fd[i], WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
		IT_EQ(it_watch(full_fd[i], r.arg[0], 1), 0);
	}
	for (int n = 0; n < FULL; n++) {
		r.begin_ns = r.end_ns = wq_now_ns();
		IT_EQ(ioctl(root_fd, WQFS_IOC_REPORT, &r), 0);
	}
	IT_UNTIL(it_stats(full_fd[FULL_QUEUES - 1]).queued == FULL);
}

static void read_megabyte(void)
{
	static char buf[1 << 20];
	static int i;

	if (read(full_fd[i], buf, sizeof(buf)) >= 0)
		return;
	IT_EQ(errno, EAGAIN);
	if (++i == FULL_QUEUES)
		_exit(0); /* all is read */
}

static void large_reads_of_json(void)
{
	set_up("source=poll,max_size=65536");
	fill_queues();
	bystander_is_served(read_megabyte);
}

/* ---- readers ---- */

#define READERS 64
#define TO_READ 8192 /* records in each queue of a reader */
#define AT_ONCE 512  /* records that the trace holds for certain */

static int readers_fd[READERS];

/* Queues full of lines that are expensive to make. */
static void fill_for_readers(void)
{
	int32_t key = it_key("wqfs-test:readers");

	for (int i = 0; i < READERS; i++) {
		char name[24];

		snprintf(name, sizeof(name), "reader %d", i);
		readers_fd[i] = it_queue(name, O_RDONLY);
		IT_EQ(ioctl(readers_fd[i], IOC_WATCH_QUEUE_SET_SIZE, TO_READ), 0);
		IT_EQ(ioctl(readers_fd[i], WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
		IT_EQ(it_watch(readers_fd[i], key, 1), 0);
	}
	for (int i = 0; i < TO_READ; i++) {
		IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_ALL), 0);
		if (i % AT_ONCE == AT_ONCE - 1)
			sync_root();
	}
}

static void read_all_of(int queue)
{
	static char buf[1 << 20];

	while (read(queue, buf, sizeof(buf)) > 0)
		;
	_exit(1);
}

static uid_t another;

/* All of them read at the same time. */
static void read_as_another(void)
{
	for (int i = 0; i < READERS; i++) {
		pid_t pid = it_fork();

		if (pid == 0) {
			IT_EQ(setresuid(another, another, another), 0);
			read_all_of(readers_fd[i]);
		}
	}
	for (;;)
		pause();
}

static void find_nothing(void)
{
	char buf[64];

	IT_ERRNO(read(fd, buf, sizeof(buf)), EAGAIN);
}

static void readers_of_another_user(void)
{
	another = it_nobody();
	set_up_tracing("source=trace,allow_other,max_size=16384");
	fill_for_readers();
	bystander_is_answered(find_nothing, read_as_another);
	bystander_trace_ends();
}

static void clear_thread_keyring(void)
{
	IT_EQ(keyctl_clear(KEY_SPEC_THREAD_KEYRING), 0);
}

static void clears_of_a_keyring_that_cannot_be_told(void)
{
	set_up_tracing("source=trace");
	watch_many();
	bystander_is_served(clear_thread_keyring);
	end_without_overrun();
}

static void link_to_user_keyring(void)
{
	IT_EQ(keyctl_link(keys[0], KEY_SPEC_USER_KEYRING), 0);
	IT_EQ(keyctl_unlink(keys[0], KEY_SPEC_USER_KEYRING), 0);
}

static void operations_on_a_user_keyring(void)
{
	set_up_tracing("source=trace");
	watch_many();
	bystander_is_served(link_to_user_keyring);
	end_without_overrun();
}

static void fork_and_end(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	IT_EQ(waitpid(pid, NULL, 0), pid);
}

static void forks(void)
{
	set_up_tracing("source=trace");
	watch_many();
	bystander_is_served(fork_and_end);
	end_without_overrun();
}

static void set_permissions(void)
{
	for (int i = 0; i < 100; i++)
		IT_EQ(keyctl_setperm(keys[i], KEY_POS_ALL | KEY_USR_ALL), 0);
}

static void operations_that_are_traced(void)
{
	set_up_tracing("source=trace");
	watch_many();
	bystander_is_served(set_permissions);
	bystander_trace_ends();
}

/* Begins from a new child each time, so that no beginning ends another. */
static void begin(void)
{
	struct wqfs_key_report r = {
		.op = KEYCTL_UPDATE,
		.arg = {KEY_SPEC_SESSION_KEYRING},
		.begin_ns = wq_now_ns(),
	};
	int status;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(ioctl(root_fd, WQFS_IOC_REPORT, &r) != 0);
	IT_OK(pid > 0);
	IT_EQ(waitpid(pid, &status, 0), pid);
	IT_EQ(status, 0);
}

static void begin_and_change_all(void)
{
	static uint32_t perm = KEY_POS_ALL | KEY_USR_ALL;

	perm ^= KEY_OTH_VIEW;
	for (int i = 0; i < 20; i++)
		begin();
	for (int i = 0; i < MANY; i++)
		IT_EQ(keyctl_setperm(keys[i], perm), 0);
	sync_root();
}

static void differences_that_wait_for_reports(void)
{
	set_up("source=poll,cpu_budget=50%,poll_min_ms=1");
	watch_many();
	bystander_is_served(begin_and_change_all);
}

/* All end at once, at a time that nobody knows exactly. */
static void set_timeouts(void)
{
	for (int i = 0; i < MANY; i++)
		IT_EQ(keyctl_set_timeout(keys[i], i % 2 ? 3600 : 0), 0);
}

static void timeouts_of_many_keys(void)
{
	set_up_tracing("source=trace");
	watch_many();
	bystander_is_served(set_timeouts);
	bystander_trace_ends();
}

/* The daemon compares the key of each report. */
static void report_change(void)
{
	struct wqfs_key_report r = {
		.op = KEYCTL_CLEAR,
		.arg = {KEY_SPEC_USER_KEYRING},
		.begin_ns = wq_now_ns(),
	};

	r.end_ns = wq_now_ns();
	IT_EQ(ioctl(root_fd, WQFS_IOC_REPORT, &r), 0);
}

static void reports_of_changes(void)
{
	set_up("source=poll");
	watch_many();
	bystander_is_served(report_change);
}

#define POLLED 5000

static struct pollfd polled[POLLED];
static int32_t polled_key;

/* Each record wakes all of them. */
static void poll_many(void)
{
	char buf[1024];

	IT_OK(poll(polled, POLLED, 0) >= 0);
	IT_EQ(keyctl_setperm(polled_key, KEY_POS_ALL | KEY_USR_ALL | KEY_OTH_VIEW), 0);
	IT_EQ(keyctl_setperm(polled_key, KEY_POS_ALL | KEY_USR_ALL), 0);
	sync_root();
	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

static void polls_of_thousands_of_descriptors(void)
{
	struct rlimit limit = {POLLED + 1000, POLLED + 1000};

	it_need_root(); /* others may have fewer */
	IT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	set_up("source=poll");
	polled_key = it_key("wqfs-test:polled");
	IT_EQ(it_watch(fd, polled_key, 1), 0);
	for (int i = 0; i < POLLED; i++)
		polled[i] = (struct pollfd){it_queue("q", O_RDONLY | O_NONBLOCK), POLLIN, 0};
	bystander_is_served(poll_many);
}

/* ---- at rest ---- */

static unsigned long reads_of(pid_t pid)
{
	static const char label[] = "\nsyscr:";
	const char *line;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	line = strstr(it_text(path), label);
	if (!line)
		it_skip("%s does not tell", path);
	return strtoul(line + strlen(label), NULL, 10);
}

/* The daemon also reads what others do to keys meanwhile, so the quietest of several turns
 * counts. A stat() is three requests, for the attributes of the directory, the name and the
 * file's attributes: each is read, and then the device is found empty, unless the next is
 * already there. One read of a CPU's buffer for each request would be three more. */
static void a_request_costs_no_read_of_each_cpus_buffers(void)
{
	enum { TURNS = 20, STATS = 200 };
	unsigned long least = ULONG_MAX;
	pid_t daemon;

	it_need_bare_daemon("its reads would count");
	close(trace_need());
	daemon = it_start("source=trace");
	IT_OK(it_queue("bystander", O_RDONLY) >= 0);
	for (int turn = 0; turn < TURNS; turn++) {
		unsigned long before = reads_of(daemon), reads;

		for (int i = 0; i < STATS; i++)
			bystander_stat();
		reads = reads_of(daemon) - before;
		least = reads < least ? reads : least;
	}
	printf("# %.2f reads a stat\n", (double)least / STATS);
	fflush(stdout);
	IT_OK(least < 7 * STATS);
}

#define SERVED "a bystander is served within 20 ms under a flood of "

/* By several processes at a time, which end with the first. */
static void set_filters(void)
{
	static const struct wqfs_filter filter = {
		.nr_filters = 1,
		.filters = {{.type = WATCH_TYPE_KEY_NOTIFY, .subtype_filter = {~0u}}},
	};
	static pid_t others;

	for (int i = 0; !others && i < 5; i++) {
		if (it_fork() > 0)
			continue;
		for (others = 1;;)
			IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &filter), 0);
	}
	others = 1;
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &filter), 0);
}

/* A child of the daemon reads each of them. */
static void filters_in_memory(void)
{
	set_up("source=poll");
	bystander_is_served(set_filters);
}

static const struct it_test tests[] = {
	{SERVED "syncs", syncs},
	{SERVED "changes of the format of a full queue", changes_of_the_format_of_a_full_queue},
	{SERVED "large reads of JSON", large_reads_of_json},
	{"a reader is answered within 20 ms under a flood of another user's readers",
		readers_of_another_user},
	{"a request costs no read of each CPU's buffers",
		a_request_costs_no_read_of_each_cpus_buffers},
	{SERVED "clears of a keyring that cannot be told",
		clears_of_a_keyring_that_cannot_be_told},
	{SERVED "operations on a user keyring", operations_on_a_user_keyring},
	{SERVED "forks", forks},
	{SERVED "operations that are traced", operations_that_are_traced},
	{SERVED "differences that wait for reports", differences_that_wait_for_reports},
	{SERVED "timeouts of many keys", timeouts_of_many_keys},
	{SERVED "reports", reports_of_changes},
	{SERVED "filters in memory", filters_in_memory},
	{SERVED "polls of thousands of descriptors of one queue",
		polls_of_thousands_of_descriptors},
};

IT_MAIN(tests)
