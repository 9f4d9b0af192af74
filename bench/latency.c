/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long from the return of keyctl(KEYCTL_UPDATE) in one process to the return of read() in
 * another that is blocked on the queue; and, in the same run, from write() to the return of
 * read() on a bare pipe, and on two pipes with a process between that passes on what comes:
 * nothing that goes through a daemon can be faster. Prints p50 and p99, from the return of
 * the call and from its beginning, and the p50 as a multiple of the pipe's and of the relay's.
 * A pipe's reader often returns before its writer does: its time from the return is below 0
 * then, and nothing can be a multiple of that; what counts is the time from the beginning.
 *
 * Measured twice: with writer and reader on two cores, as programs that have nothing to do
 * with each other are, and on one, where a pipe costs no more than the switch from one to
 * the other. The daemon, and the relay, are where the scheduler puts them.
 *
 *	latency [-n ROUNDS] [-f NULLFS] WQFS [report|facility|SOURCE...]
 *
 * SOURCE is one of the mount option: kernel, trace, poll. With NULLFS, the program
 *bench/nullfs, it also measures a relay whose second half is a FUSE filesystem that does
 *nothing else.
 *
 * "facility" is the kernel's own, where it has that, as the reference kernel does. If it is
 *among what is measured each of the others is also told as a multiple of it, measured beside
 *each:
 *
 *	tests/golden/record --run bench/latency - facility
 *	tests/golden/record --hooks --run --add wqfs bench/latency $PWD/wqfs facility
 *kernel-fentry
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
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

/* <linux/watch_queue.h> cannot be included together with <fcntl.h>. */
#define NOTIFICATION_PIPE O_EXCL
#define SET_SIZE	  _IO('W', 0x60)

/* Shared with the reader, who stores when its read returned; a number distinguishes
 * the rounds. */
struct shared {
	uint64_t returned[ROUNDS_MAX];
	volatile int done; /* the number of reads that have returned */
};

static struct shared *shared;
static int rounds_each = 2000;
static const char *nullfs;  /* NULL: it is not measured */
static bool meets_facility; /* the kernel's own facility is measured beside each */
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
		shared->returned[i] = wq_now_ns();
		__atomic_store_n(&shared->done, i + 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

/* Waits until the reader has finished round I and sleeps in its next read(). */
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
		/* give the reader time to get there */
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
	int write_fd; /* the end of a pipe, or -1 */
	int key;
	int report_fd; /* the mount's root directory, or -1 */
	int reader_cpu;
	int phase_ms; /* wait up to this before each call, because polling has a period */
};

static struct call write_pipe(int fd)
{
	struct call c = {.began = wq_now_ns()};

	if (write(fd, "0123456789abcdef", 16) != 16)
		bench_fail("write");
	c.returned = wq_now_ns();
	return c;
}

/* Calls keyctl(), with the reports around it that a program under wqrun would make. */
static struct call update_key(const struct target *t)
{
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE, .arg = {t->key}};
	char payload[32];
	struct call c;
	int n;

	r.begin_ns = wq_now_ns();
	n = snprintf(payload, sizeof(payload), "%llu", (unsigned long long)r.begin_ns);
	if (t->report_fd >= 0 && ioctl(t->report_fd, WQFS_IOC_REPORT, &r) < 0)
		bench_fail("WQFS_IOC_REPORT");
	c.began = wq_now_ns();
	if (bench_keyctl(KEYCTL_UPDATE, (unsigned long)t->key, (unsigned long)payload,
		    (unsigned long)n, 0) < 0)
		bench_fail("keyctl(KEYCTL_UPDATE)");
	c.returned = r.end_ns = wq_now_ns();
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
	char opts[64];
	int fd;

	snprintf(opts, sizeof(opts), "source=%s", strcmp(mode, "report") ? mode : "poll");
	bench_mount(&m, wqfs, opts);
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

/* The kernel's own queue, where it has that. */
static struct result measure_facility(int rounds, int reader_cpu)
{
	struct target t = {.write_fd = -1, .report_fd = -1, .reader_cpu = reader_cpu};
	struct result result;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | NOTIFICATION_PIPE) < 0 || ioctl(fds[0], SET_SIZE, 256) < 0)
		bench_fail("the kernel's facility");
	t.key = bench_add_key("wqfs-latency");
	if (bench_keyctl(KEYCTL_WATCH_KEY, (unsigned long)t.key, (unsigned long)fds[0], 1, 0) <
		0)
		bench_fail("keyctl(KEYCTL_WATCH_KEY)");
	pin(0);
	result = measure(fds[0], &t, rounds);
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	bench_keyctl(KEYCTL_UNLINK, (unsigned long)t.key,
		(unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0);
	close(fds[0]);
	close(fds[1]);
	return result;
}

/* Stands in for the daemon: passes from IN to OUT. */
static pid_t start_relay(int in, int out)
{
	pid_t pid = fork();
	char buf[4096];

	if (pid < 0)
		bench_fail("fork");
	if (pid > 0)
		return pid;
	for (;;) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, -1) < 0 || (n = read(in, buf, sizeof(buf))) <= 0 ||
			write(out, buf, (size_t)n) != n)
			_exit(1);
	}
}

static void make_pipe(int fds[2])
{
	if (pipe(fds) < 0)
		bench_fail("pipe");
}

/* Measures a pipe; RELAYED: two pipes with the relay between them. */
static struct result measure_pipe(bool relayed, int rounds, int reader_cpu)
{
	struct target t = {.report_fd = -1, .reader_cpu = reader_cpu};
	int first[2], second[2];
	struct result result;
	pid_t relay = 0;

	make_pipe(first);
	make_pipe(second);
	t.write_fd = first[1];
	if (relayed)
		relay = start_relay(first[0], second[1]);
	pin(0);
	result = measure(relayed ? second[0] : first[0], &t, rounds);
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	if (relay) {
		kill(relay, SIGKILL);
		waitpid(relay, NULL, 0);
	}
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
	return result;
}

/* Measures a pipe whose other end is with a daemon, which answers a read of its file with what
 * comes. */
static struct result measure_nullfs(int rounds, int reader_cpu)
{
	struct target t = {.report_fd = -1, .reader_cpu = reader_cpu};
	struct bench_mount m;
	struct result result;
	char number[16];
	int fds[2], fd;

	make_pipe(fds);
	snprintf(number, sizeof(number), "%d", fds[0]);
	setenv("NULLFS_RELAY", number, 1);
	bench_mount(&m, nullfs, "default_permissions");
	unsetenv("NULLFS_RELAY");
	fd = bench_queue(&m);
	t.write_fd = fds[1];
	pin(0);
	result = measure(fd, &t, rounds);
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	close(fd);
	bench_unmount(&m);
	close(fds[0]);
	close(fds[1]);
	return result;
}

static void print(const char *what, int rounds, struct result r)
{
	printf("%-7s %5d rounds, from return: p50 %8.1f us p99 %8.1f us; from beginning: p50 "
	       "%8.1f us p99 %8.1f us",
		what, rounds, r.p50, r.p99, r.begin_p50, r.begin_p99);
}

/* Prints R as a multiple of FLOOR. */
static void print_ratio(struct result r, struct result floor, const char *whose)
{
	printf("; times the %s's p50: %.2f", whose, r.begin_p50 / floor.begin_p50);
	if (floor.p50 > 0)
		printf(" (%.2f from return)", r.p50 / floor.p50);
}

/* On two cores the floor is a bare pipe, on one a relay, where a pipe costs no more than a
 * switch. */
static void print_rows(const char *mode, int cores, struct result r, struct result floor)
{
	const char *where =
		cores == 2 ? "two cores against a pipe" : "one core against a relay";
	const double aim = strcmp(mode, "poll") ? 2 : 0;
	char name[128];

	snprintf(name, sizeof(name), "1 latency p50, %s, %s", mode, where);
	bench_row(name, r.begin_p50, "us", floor.begin_p50, aim);
	snprintf(name, sizeof(name), "1 latency p99, %s, %s", mode, where);
	bench_row(name, r.begin_p99, "us", floor.begin_p99, aim);
	/* a reader that runs before the caller can have the record before the call returns */
	snprintf(name, sizeof(name), "1 latency p50 from return, %s, %s", mode, where);
	if (floor.p50 > 0)
		bench_row(name, r.p50, "us", floor.p50, aim);
}

/* The relay through FUSE, of which nothing that is built on FUSE can be better. */
static void compare_nullfs(int cores)
{
	const struct result bare = measure_pipe(false, rounds_each, cores - 1);
	const struct result relay = measure_pipe(true, rounds_each, cores - 1);
	const struct result null = measure_nullfs(rounds_each, cores - 1);
	const struct result floor = cores == 2 ? bare : relay;
	char name[128];

	print("nullfs", rounds_each, null);
	print_ratio(null, bare, "pipe");
	print_ratio(null, relay, "relay");
	printf("\n");
	snprintf(name, sizeof(name), "1 latency p50, a FUSE that does nothing, %s",
		cores == 2 ? "two cores against a pipe" : "one core against a relay");
	bench_row(name, null.begin_p50, "us", floor.begin_p50, 0);
}

static bool is_facility(const char *mode)
{
	return !strcmp(mode, "facility");
}

/* The kernel's own facility beside R. */
static void compare_facility(const char *mode, int cores, struct result r)
{
	const struct result own = measure_facility(rounds_each, cores - 1);
	char name[128];

	print("facility", rounds_each, own);
	printf("\n");
	print(mode, rounds_each, r);
	print_ratio(r, own, "facility");
	printf("\n");
	snprintf(name, sizeof(name), "2 latency p50, %s, %s core%s against the kernel's own",
		mode, cores == 2 ? "two" : "one", cores == 2 ? "s" : "");
	bench_row(name, r.begin_p50, "us", own.begin_p50, 5);
}

static void compare(const char *wqfs, const char *mode, int cores)
{
	int rounds = strcmp(mode, "poll") ? rounds_each : rounds_each / 7;
	struct result bare, relay, result;

	/* measured next to what they are compared with */
	bare = measure_pipe(false, rounds_each, cores - 1);
	relay = measure_pipe(true, rounds_each, cores - 1);
	result = is_facility(mode) ? measure_facility(rounds, cores - 1)
				   : measure_wqfs(wqfs, mode, rounds, cores - 1);
	print("pipe", rounds_each, bare);
	printf("\n");
	print("relay", rounds_each, relay);
	print_ratio(relay, bare, "pipe");
	printf("\n");
	print(mode, rounds, result);
	print_ratio(result, bare, "pipe");
	print_ratio(result, relay, "relay");
	printf("\n");
	fflush(stdout);
	print_rows(mode, cores, result, cores == 2 ? bare : relay);
	if (meets_facility && !is_facility(mode))
		compare_facility(mode, cores, result);
}

int main(int argc, char **argv)
{
	static const char *const defaults[] = {"kernel", "trace", "report", "poll", NULL};
	const char *const *modes;

	for (; argc > 2 && (!strcmp(argv[1], "-n") || !strcmp(argv[1], "-f")); argc -= 2) {
		if (argv[1][1] == 'n')
			rounds_each = atoi(argv[2]);
		else
			nullfs = argv[2];
		argv += 2;
	}
	if (argc < 2 || rounds_each < 10 || rounds_each > ROUNDS_MAX) {
		fprintf(stderr, "usage: latency [-n ROUNDS] [-f NULLFS] WQFS "
				"[report|facility|SOURCE...]\n");
		return 2;
	}
	modes = argc > 2 ? (const char *const *)argv + 2 : defaults;
	for (const char *const *mode = modes; *mode; mode++)
		meets_facility |= is_facility(*mode);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	if (shared == MAP_FAILED || sched_getaffinity(0, sizeof(all_cpus), &all_cpus) < 0)
		bench_fail("set-up");
	/* Only those who have the keys in their session can read payloads. */
	bench_join_session();
	for (int cores = 2; cores >= 1; cores--) {
		if (cores > CPU_COUNT(&all_cpus))
			continue;
		printf("writer and reader on %s\n", cores == 2 ? "two cores" : "one core");
		if (nullfs)
			compare_nullfs(cores);
		for (const char *const *mode = modes; *mode; mode++)
			compare(argv[1], *mode, cores);
	}
	return 0;
}
