/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the preload library costs a program that never touches a queue.
 *
 *   bench/shim LIBRARY
 *
 * Runs a loop of a million ioctl, read and syscall calls by turns without and with
 * LIBRARY preloaded, and compares the fastest run of each. Exit status 1 if with it they
 * take 2 % longer or more. FIONREAD, which has to ask what the descriptor is, is shown
 * beside them and not counted.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define CALLS 1000000
#define RUNS  15
#define LIMIT 0.02

enum call { CALL_IOCTL, CALL_READ, CALL_SYSCALL, CALL_FIONREAD, NR_CALLS };

static const char *const names[NR_CALLS] = {"ioctl", "read", "syscall", "(FIONREAD)"};

struct result {
	double ns[NR_CALLS]; /* for one call */
};

static double now(void)
{
	return (double)wq_now_ns();
}

static void call_once(enum call call, int zero, int pipe_end)
{
	char c;
	int n;

	switch (call) {
	case CALL_IOCTL:
		ioctl(zero, FIOCLEX);
		break;
	case CALL_READ:
		if (read(zero, &c, 1) != 1)
			_exit(1);
		break;
	case CALL_SYSCALL:
		syscall(SYS_getppid);
		break;
	default:
		ioctl(pipe_end, FIONREAD, &n);
		break;
	}
}

/* Measures in a process of its own, which prints the result on its standard output. */
static int measure(void)
{
	int zero = open("/dev/zero", O_RDONLY), fds[2];
	struct result r;

	if (zero < 0 || pipe(fds))
		return 1;
	for (enum call call = 0; call < NR_CALLS; call++) {
		double begin = now();

		for (int i = 0; i < CALLS; i++)
			call_once(call, zero, fds[0]);
		r.ns[call] = (now() - begin) / CALLS;
	}
	return write(STDOUT_FILENO, &r, sizeof(r)) != sizeof(r);
}

static bool run(const char *self, const char *preload, struct result *r)
{
	bool ok;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		execl(self, self, "--measure", (char *)NULL);
		_exit(1);
	}
	close(fds[1]);
	ok = read(fds[0], r, sizeof(*r)) == sizeof(*r);
	close(fds[0]);
	return waitpid(pid, &status, 0) == pid && status == 0 && ok;
}

static void keep_fastest(struct result *best, const struct result *r)
{
	for (enum call call = 0; call < NR_CALLS; call++)
		if (r->ns[call] < best->ns[call])
			best->ns[call] = r->ns[call];
}

static void print_row(const char *name, double without, double with)
{
	printf("%-12s %9.1f %9.1f %+8.1f %%\n", name, without, with,
		100 * (with / without - 1));
}

static double print_table(const struct result *without, const struct result *with)
{
	double sum[2] = {0, 0};

	printf("%-12s %9s %9s %10s\n", "ns a call", "without", "with", "cost");
	for (enum call call = 0; call < NR_CALLS; call++) {
		print_row(names[call], without->ns[call], with->ns[call]);
		if (call == CALL_FIONREAD)
			continue;
		sum[0] += without->ns[call];
		sum[1] += with->ns[call];
	}
	print_row("loop", sum[0], sum[1]);
	return sum[1] / sum[0] - 1;
}

int main(int argc, char **argv)
{
	struct result best[2], r;

	if (argc == 2 && !strcmp(argv[1], "--measure"))
		return measure();
	if (argc != 2) {
		fputs("usage: bench/shim LIBRARY\n", stderr);
		return 2;
	}
	for (int i = 0; i < 2; i++)
		for (enum call call = 0; call < NR_CALLS; call++)
			best[i].ns[call] = 1e9;
	for (int i = 0; i < 2 * RUNS; i++) {
		if (!run("/proc/self/exe", i % 2 ? argv[1] : NULL, &r)) {
			fputs("bench/shim: a run failed\n", stderr);
			return 2;
		}
		keep_fastest(&best[i % 2], &r);
	}
	return print_table(&best[0], &best[1]) >= LIMIT;
}
