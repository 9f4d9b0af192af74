/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long from keyctl(KEYCTL_UPDATE) in one process to the return of read() in another that
 * is blocked on the queue; and, in the same run, from write() to the return of read() on a
 * bare pipe. Prints p50 and p99, from the return of the call and from its beginning, and
 * the ratio of the p50. The ratio is of the times from the beginning: a pipe's reader often
 * returns before its writer does (then the first is below 0), and nothing can be a multiple
 * of that.
 *
 * Measured twice: with writer and reader on two cores, as programs that have nothing to do
 * with each other are, and on one, where a pipe costs no more than the switch from one to
 * the other. The daemon is where the scheduler puts it.
 *
 *	latency WQFS [trace|report|poll...]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "common.h"
#include "wqfs.h"

#define ROUNDS_MAX 4000

/* Shared with the reader, who says when it returned; rounds are told apart by number. */
struct shared {
	uint64_t returned[ROUNDS_MAX];
	volatile int done; /* reads that have returned */
};

static struct shared *shared;
static cpu_set_t all_cpus;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_fail("sched_setaffinity");
}

/* Reads ROUNDS times from FD in a child on CPU. */
static pid_t start_reader(int fd, int rounds, int cpu)
{
	pid_t pid;

	shared->done = 0;
	pid = fork();
	if (pid < 0)
		bench_fail("fork");
	if (pid > 0)
		return pid;
	pin(cpu);
	for (int i = 0; i < rounds; i++) {
		char buf[4096];

		if (read(fd, buf, sizeof(buf)) <= 0)
			_exit(1);
		shared->returned[i] = bench_now_ns();
		__atomic_store_n(&shared->done, i + 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

/* Until the reader has finished round I and sleeps in its next read(). */
static void wait_reader(pid_t pid, int i)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (;;) {
		int fd = open(path, O_RDONLY);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		const char *state;

		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = '\0';
		state = strrchr(text, ')');
		if (__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) >= i && state &&
			(state[2] == 'S' || state[2] == 'Z' || state[2] == 'D'))
			return;
		/* let it get there */
		poll(NULL, 0, 1);
	}
}

/* Microseconds. */
struct result {
	double p50, p99;	     /* from the return of the call */
	double begin_p50, begin_p99; /* from its beginning */
};

/* When a call was made, and when it returned. */
struct call {
	uint64_t began, returned;
};

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct result evaluate(const struct call *calls, int rounds)
{
	static int64_t after[ROUNDS_MAX], since[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++) {
		after[i] = (int64_t)(shared->returned[i] - calls[i].returned);
		since[i] = (int64_t)(shared->returned[i] - calls[i].began);
	}
	qsort(after, (size_t)rounds, sizeof(after[0]), by_value);
	qsort(since, (size_t)rounds, sizeof(since[0]), by_value);
	return (struct result){
		(double)after[rounds / 2] / 1000,
		(double)after[rounds * 99 / 100] / 1000,
		(double)since[rounds / 2] / 1000,
		(double)since[rounds * 99 / 100] / 1000,
	};
}

/* ---- what is measured ---- */

struct target {
	int write_fd; /* a pipe's, or -1 */
	int key;
	int report_fd; /* the mount's root, or -1 */
	int reader_cpu;
	int phase_ms; /* wait up to this before each call: polling has a period of its own */
};

static struct call write_pipe(int fd)
{
	struct call c = {.began = bench_now_ns()};

	if (write(fd, "0123456789abcdef", 16) != 16)
		bench_fail("write");
	c.returned = bench_now_ns();
	return c;
}

/* The call is keyctl(); the reports around it are what a wrapped program makes of it. */
static struct call update_key(const struct target *t)
{
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE, .arg = {t->key}};
	char payload[32];
	struct call c;
	int n;

	r.begin_ns = bench_now_ns();
	n = snprintf(payload, sizeof(payload), "%llu", (unsigned long long)r.begin_ns);
	if (t->report_fd >= 0 && ioctl(t->report_fd, WQFS_IOC_REPORT, &r) < 0)
		bench_fail("WQFS_IOC_REPORT");
	c.began = bench_now_ns();
	if (bench_keyctl(KEYCTL_UPDATE, (unsigned long)t->key, (unsigned long)payload,
		    (unsigned long)n, 0) < 0)
		bench_fail("keyctl(KEYCTL_UPDATE)");
	c.returned = r.end_ns = bench_now_ns();
	if (t->report_fd >= 0 && ioctl(t->report_fd, WQFS_IOC_REPORT, &r) < 0)
		bench_fail("WQFS_IOC_REPORT");
	return c;
}

static struct result measure(int fd, const struct target *t, int rounds)
{
	static struct call calls[ROUNDS_MAX];
	pid_t pid = start_reader(fd, rounds, t->reader_cpu);
	int status;

	for (int i = 0; i < rounds; i++) {
		wait_reader(pid, i);
		if (t->phase_ms)
			usleep((useconds_t)(random() % (t->phase_ms * 1000)));
		calls[i] = t->write_fd >= 0 ? write_pipe(t->write_fd) : update_key(t);
	}
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		bench_fail("the reader");
	return evaluate(calls, rounds);
}

static struct result measure_wqfs(
	const char *wqfs, const char *mode, int rounds, int reader_cpu)
{
	struct target t = {.write_fd = -1, .report_fd = -1, .reader_cpu = reader_cpu};
	struct bench_mount m;
	struct result result;
	int fd;

	bench_mount(&m, wqfs, strcmp(mode, "trace") ? "source=poll" : "source=trace");
	fd = bench_queue(&m);
	t.key = bench_add_key("wqfs-latency");
	bench_watch(fd, t.key, 1);
	if (!strcmp(mode, "poll"))
		t.phase_ms = 20;
	if (!strcmp(mode, "report"))
		t.report_fd = open(m.dir, O_RDONLY | O_DIRECTORY);
	pin(0);
	result = measure(fd, &t, rounds);
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	close(fd);
	if (t.report_fd >= 0)
		close(t.report_fd);
	bench_keyctl(KEYCTL_UNLINK, (unsigned long)t.key,
		(unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0);
	bench_unmount(&m);
	return result;
}

static void print(const char *what, int rounds, struct result r, double floor)
{
	printf("%-7s %5d rounds, from return: p50 %8.1f us p99 %8.1f us; from beginning: p50 "
	       "%8.1f us p99 %8.1f us",
		what, rounds, r.p50, r.p99, r.begin_p50, r.begin_p99);
	if (floor > 0)
		printf("; %.2f times the pipe's p50", r.begin_p50 / floor);
	printf("\n");
	fflush(stdout);
}

static void compare(const char *wqfs, const char *mode, int cores)
{
	int rounds = strcmp(mode, "poll") ? 2000 : 300, fds[2];
	struct target t = {.report_fd = -1, .reader_cpu = cores - 1};
	struct result floor;

	if (pipe(fds) < 0)
		bench_fail("pipe");
	t.write_fd = fds[1];
	pin(0);
	floor = measure(fds[0], &t, 2000); /* next to what it is the floor of */
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	close(fds[0]);
	close(fds[1]);
	print("pipe", 2000, floor, 0);
	print(mode, rounds, measure_wqfs(wqfs, mode, rounds, cores - 1), floor.begin_p50);
}

int main(int argc, char **argv)
{
	static const char *const defaults[] = {"trace", "report", "poll", NULL};
	const char *const *modes = argc > 2 ? (const char *const *)argv + 2 : defaults;

	if (argc < 2) {
		fprintf(stderr, "usage: latency WQFS [trace|report|poll...]\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	if (shared == MAP_FAILED || sched_getaffinity(0, sizeof(all_cpus), &all_cpus) < 0)
		bench_fail("set-up");
	bench_join_session(); /* payloads can be read only by who has them in its session */
	for (int cores = 2; cores >= 1; cores--) {
		if (cores > CPU_COUNT(&all_cpus))
			continue;
		printf("writer and reader on %s\n", cores == 2 ? "two cores" : "one core");
		for (const char *const *mode = modes; *mode; mode++)
			compare(argv[1], *mode, cores);
	}
	return 0;
}
