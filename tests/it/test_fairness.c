/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process that keeps the daemon busy, or fills it, harms no other. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib.h"
#include "records.h"

static int32_t key_a, ring;
static int fd;

static void set_up(const char *options)
{
	it_start(options);
	key_a = it_key("wqfs-test:a");
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_ALL), 0);
	records_name(key_a, "A");
	records_name(ring, "RING");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
}

static int report_begun(int to, int32_t key)
{
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE, .arg = {key}, .begin_ns = wq_now_ns()};

	return ioctl(to, WQFS_IOC_REPORT, &r);
}

/* ---- reports that are never ended ---- */

/* More than the daemon can compare while it waits for a report. */
#define DEFERRED 32

struct troublemaker {
	int32_t keys[DEFERRED];
	int watching, other;
};

static void prepare(struct troublemaker *t)
{
	t->watching = it_queue("trouble", O_RDONLY | O_NONBLOCK);
	t->other = it_queue("no watches", O_RDONLY);
	for (int i = 0; i < DEFERRED; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:trouble %d", i);
		t->keys[i] = it_key(name);
		IT_EQ(it_watch(t->watching, t->keys[i], 1), 0);
	}
}

/* Begins an operation that could explain a difference, makes the difference, and has its key
 * compared. */
static _Noreturn void begin_only(const struct troublemaker *t, int32_t key, unsigned int n)
{
	IT_EQ(report_begun(t->other, key), 0);
	IT_EQ(keyctl_update(key, &n, sizeof(n)), 0);
	IT_ERRNO(it_watch(t->other, key, -1), EBADSLT);
	_exit(0);
}

static _Noreturn void make_trouble(const struct troublemaker *t, int to)
{
	for (unsigned int n = 0;; n++) {
		pid_t pid = it_fork();

		if (pid == 0)
			begin_only(t, t->keys[n % DEFERRED], n);
		it_join(pid);
		(void)records(t->watching);
		if (n == DEFERRED)
			IT_EQ(write(to, "", 1), 1);
	}
}

static void differences_that_wait_for_a_report_hold_up_no_others(void)
{
	struct troublemaker t;
	int ready[2];
	pid_t pid;
	char byte;

	set_up("source=poll");
	prepare(&t);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(it_watch(fd, ring, 2), 0);
	IT_EQ(pipe2(ready, O_CLOEXEC), 0);
	pid = it_fork();
	if (pid == 0)
		make_trouble(&t, ready[1]);
	close(ready[1]);
	IT_EQ(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 3; i++) {
		IT_EQ(keyctl_link(key_a, ring), 0);
		RECORDS_UNTIL(fd, "RING:linked:A");
		IT_EQ(keyctl_unlink(key_a, ring), 0);
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		IT_STR(records(fd), "RING:unlinked:A");
	}
	IT_EQ(kill(pid, SIGKILL), 0);
	IT_EQ(it_wait(pid), -SIGKILL);
}

static unsigned long kb_of(pid_t pid)
{
	static const char label[] = "\nVmRSS:";
	const char *line;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	line = strstr(it_text(path), label);
	IT_OK(line != NULL);
	return strtoul(line + strlen(label), NULL, 10);
}

static void begin_as_another(void)
{
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(report_begun(fd, key_a) != 0);
	IT_OK(pid > 0);
	IT_EQ(waitpid(pid, &status, 0), pid);
	IT_EQ(status, 0);
}

/* Nothing is watched, so nothing is compared. */
static void reports_that_only_begin_do_not_pile_up(void)
{
	enum { SOME = 2000, MANY = 20000, KB = 2048 };
	unsigned long before;
	pid_t daemon;

	it_need_bare_daemon("what valgrind keeps would count");
	if (IT_SANITIZED)
		it_skip("what the sanitizer keeps would count");
	daemon = it_start("source=poll");
	key_a = it_key("wqfs-test:a");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < SOME; i++)
		begin_as_another();
	before = kb_of(daemon);
	for (int i = 0; i < MANY; i++)
		begin_as_another();
	printf("# %lu kB, and then %lu kB\n", before, kb_of(daemon));
	fflush(stdout);
	IT_OK(kb_of(daemon) < before + KB);
}

/* ---- syncs ---- */

static uint64_t cpu_ns_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	IT_EQ(clock_getcpuclockid(pid, &clock), 0);
	IT_EQ(clock_gettime(clock, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* However busy the machine is, the daemon has not used more. */
static void syncs_one_after_the_other_leave_most_of_a_core(void)
{
	enum { SYNCS = 200, KEYS = 500 };
	uint64_t began_ns, cpu_ns, took_ns, scans;
	pid_t daemon;
	int other;

	it_need_bare_daemon("valgrind's own work would count");
	daemon = it_start("source=poll,poll_min_ms=3600000,poll_max_ms=3600000");
	other = it_queue("other", O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < KEYS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:watched %d", i);
		key_a = it_key(name);
		IT_EQ(it_watch(other, key_a, 1), 0);
	}
	records_name(key_a, "A");
	scans = it_stats(other).scans;
	cpu_ns = cpu_ns_of(daemon);
	began_ns = wq_now_ns();
	for (int i = 0; i < SYNCS; i++) {
		IT_EQ(keyctl_update(key_a, &"11"[i % 2], (size_t)(2 - i % 2)), 0);
		IT_EQ(ioctl(other, WQFS_IOC_SYNC), 0);
		IT_STR(records(other), "A:updated");
	}
	took_ns = wq_now_ns() - began_ns;
	cpu_ns = cpu_ns_of(daemon) - cpu_ns;
	printf("# %.0f ms of %.0f\n", (double)cpu_ns / 1e6, (double)took_ns / 1e6);
	fflush(stdout);
	IT_OK(it_stats(other).scans - scans <= SYNCS);
	IT_OK(cpu_ns < took_ns / 2);
}

static const struct it_test tests[] = {
	{"differences that wait for a report hold up no others",
		differences_that_wait_for_a_report_hold_up_no_others},
	{"reports that only begin do not pile up", reports_that_only_begin_do_not_pile_up},
	{"syncs one after the other leave most of a core",
		syncs_one_after_the_other_leave_most_of_a_core},
};

IT_MAIN(tests)
