/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures what wqfs costs while nothing happens, with many watched keys: CPU time and wake-ups
 * of the daemon, by polling, by the kernel's own functions (also while 1,000 processes a second
 * start and end), and by trace; and the cost of comparing one key, as a multiple of
 * the bare keyctl(KEYCTL_DESCRIBE) and keyctl(KEYCTL_READ) in the same run.
 *
 *	idle WQFS [KEYS [SECONDS]]
 *
 * The trace wakes the daemon when other programs use keys: run this on a machine where none
 * does.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "common.h"
#include "wqfs.h"

static int32_t *keys;
static int nkeys = 10000, seconds = 20;

#define SETTLE_S       5
#define PROCESSES_S    1000
#define BUDGET_PERCENT 20 /* for the comparison of costs: it gives many scans */

static void bare_scan(void)
{
	char buf[4096];

	for (int i = 0; i < nkeys; i++) {
		unsigned long k = (unsigned long)keys[i];

		if (bench_keyctl(KEYCTL_DESCRIBE, k, (unsigned long)buf, sizeof(buf), 0) < 0 ||
			bench_keyctl(KEYCTL_READ, k, (unsigned long)buf, sizeof(buf), 0) < 0)
			bench_fail("keyctl");
	}
}

/* CPU time of one describe and one read, averaged over all keys and as many scans as fit into
 * half the time. It sleeps between scans as the daemon has to, so that caches cool down. */
static double bare_ns(void)
{
	uint64_t end = wq_now_ns() + (uint64_t)seconds * 500000000, used = 0;
	int scans = 0;

	do {
		uint64_t began = bench_cpu_ns(getpid()), ns;

		bare_scan();
		ns = bench_cpu_ns(getpid()) - began;
		used += ns;
		scans++;
		usleep((useconds_t)(ns * (100 - BUDGET_PERCENT) / BUDGET_PERCENT / 1000));
	} while (wq_now_ns() < end);
	return (double)used / scans / nkeys;
}

struct usage {
	uint64_t cpu_ns, time_ns, wakeups, scans;
	uint32_t interval_us;
};

/* Polling is measured in whole scans: waits for the end of one. */
static void await_scan(int fd)
{
	struct wqfs_stats s = bench_stats(fd);
	uint64_t scans = s.scans;

	while (s.source == WQFS_SOURCE_POLL && bench_stats(fd).scans == scans)
		usleep(100000); /* each question costs the daemon an answer */
}

/* What the daemon uses in the next seconds. */
static struct usage measure(const struct bench_mount *m, int fd)
{
	struct usage u;
	struct wqfs_stats after;
	uint64_t scans;

	await_scan(fd);
	scans = bench_stats(fd).scans;
	u.time_ns = wq_now_ns();
	u.cpu_ns = bench_cpu_ns(m->daemon);
	u.wakeups = bench_wakeups(m->daemon);
	sleep((unsigned int)seconds);
	u.wakeups = bench_wakeups(m->daemon) - u.wakeups;
	await_scan(fd);
	u.cpu_ns = bench_cpu_ns(m->daemon) - u.cpu_ns;
	u.time_ns = wq_now_ns() - u.time_ns;
	after = bench_stats(fd);
	u.scans = after.scans - scans;
	u.interval_us = after.interval_us;
	return u;
}

static void print_row(const char *name, const struct usage *u, double bare)
{
	char text[128];

	if (bare > 0 && u->scans) {
		snprintf(text, sizeof(text), "10 the sweep of a key, %s", name);
		bench_row(text, (double)u->cpu_ns / (double)u->scans / nkeys, "ns", bare, 1.2);
	} else if (strcmp(name, "poll") != 0) {
		snprintf(text, sizeof(text), "10 wake-ups a second, %s", name);
		bench_row(text, (double)u->wakeups / seconds, "", 0, 0.1);
	}
}

static void run(const char *wqfs, const char *name, const char *opts, bool compare)
{
	struct bench_mount m;
	struct usage u;
	double bare = 0, after, each;
	int fd;

	if (compare)
		bare = bare_ns();
	bench_mount(&m, wqfs, opts);
	fd = bench_queue(&m);
	for (int i = 0; i < nkeys; i++)
		bench_watch(fd, keys[i], i & 255);
	/* Do not measure the checks after a new watch: the last of them comes some seconds
	 * later, even if the key was not about to end. */
	if (ioctl(fd, WQFS_IOC_SYNC) < 0)
		bench_fail("WQFS_IOC_SYNC");
	sleep(SETTLE_S);
	u = measure(&m, fd);
	close(fd);
	bench_unmount(&m);
	if (compare) {
		after = bare_ns();
		bare = after < bare ? after : bare; /* the quieter of the two */
	}
	printf("%-6s %d keys, %d s: %.4f %% of a core, %llu wake-ups, each key every %.3f s",
		name, nkeys, seconds, 100 * (double)u.cpu_ns / (double)u.time_ns,
		(unsigned long long)u.wakeups, u.interval_us / 1e6);
	if (compare && u.scans) {
		each = (double)u.cpu_ns / (double)u.scans / nkeys;
		printf("; one key, with its share of all else, costs %.0f ns, "
		       "%.2f times the bare calls (%.0f ns)",
			each, each / bare, bare);
	}
	printf("\n");
	fflush(stdout);
	print_row(name, &u, compare ? bare : 0);
}

/* Starts what starts PROCESSES_S processes a second, each of which ends at once. */
static pid_t start_processes(void)
{
	pid_t pid = fork();
	uint64_t next = wq_now_ns(), now;

	if (pid != 0)
		return pid;
	for (;;) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		next += WQ_NSEC_PER_SEC / PROCESSES_S;
		now = wq_now_ns();
		if (next > now)
			usleep((useconds_t)((next - now) / 1000));
	}
}

static void run_kernel(const char *wqfs)
{
	pid_t pid;

	run(wqfs, "kernel", "source=kernel", false);
	pid = start_processes();
	if (pid < 0)
		bench_fail("fork");
	run(wqfs, "kernel, beside 1,000 processes a second:", "source=kernel", false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	char opts[64];

	if (argc < 2) {
		fprintf(stderr, "usage: idle WQFS [KEYS [SECONDS]]\n");
		return 2;
	}
	if (argc > 2)
		nkeys = atoi(argv[2]);
	if (argc > 3)
		seconds = atoi(argv[3]);
	keys = calloc((size_t)nkeys, sizeof(*keys));
	if (!keys)
		bench_fail("memory");
	bench_many_descriptors();
	bench_join_session();
	for (int i = 0; i < nkeys; i++) {
		char description[32];

		snprintf(description, sizeof(description), "wqfs-idle-%d", i);
		keys[i] = bench_add_key(description);
	}
	run(argv[1], "poll", "source=poll", false);
	snprintf(opts, sizeof(opts), "source=poll,cpu_budget=%d%%", BUDGET_PERCENT);
	run(argv[1], "poll", opts, true);
	if (geteuid() == 0) {
		run_kernel(argv[1]);
		run(argv[1], "trace", "source=trace,resync_s=3600", false);
	}
	return 0;
}
