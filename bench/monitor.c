/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures "wqctl monitor -r" of a tree of many keys: how long it takes until all of them are
 * watched, and the CPU time that it and the daemon use together until then and while nothing
 * happens, next to the same keys given one by one to a monitor. By polling, which costs
 *something all the time, and by the source that a mount has anyway.
 *
 *	monitor WQFS WQCTL [KEYS [SECONDS [EACH]]]
 *
 * EACH (100) is how many keys a keyring of the tree has. The tree is in the session keyring of
 *all processes here, in which the kernel searches for a key whenever one of them asks about it:
 *the more keyrings there are, the longer that takes.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "common.h"

#define SETTLE_S 5

static const char *wqctl;
static int nkeys = 10000, seconds = 10, each_ring = 100;

/* ---- keys ---- */

static char (*serials)[12];
static int made;

static int32_t add(const char *type, const char *payload, int32_t ring)
{
	char description[32];
	long key;

	snprintf(description, sizeof(description), "wqfs-monitor-%d", made);
	key = syscall(
		SYS_add_key, type, description, payload, payload ? strlen(payload) : 0, ring);
	if (key < 0)
		bench_fail("add_key");
	snprintf(serials[made++], sizeof(serials[0]), "%d", (int)key);
	return (int32_t)key;
}

static void make_tree(void)
{
	int32_t top, ring = 0;

	serials = calloc((size_t)nkeys, sizeof(*serials));
	if (!serials)
		bench_fail("memory");
	top = add("keyring", NULL, KEY_SPEC_SESSION_KEYRING);
	for (int i = 0; made < nkeys; i++) {
		if (i % each_ring == 0)
			ring = add("keyring", NULL, top);
		else
			add("user", "payload", ring);
	}
}

/* ---- a monitor ---- */

/* The keyring on top of the tree with all below, or each key. */
static char **arguments(const char *dir, const char *ready, bool tree)
{
	const char *first[] = {wqctl, "monitor", "-q", "--mount", dir, "--ready-fd", ready,
		tree ? "-r" : "-t"};
	int n = sizeof(first) / sizeof(first[0]), keys = tree ? 1 : nkeys;
	char **args = calloc((size_t)(n + keys + 1), sizeof(*args));

	if (!args)
		bench_fail("memory");
	memcpy(args, first, sizeof(first));
	for (int i = 0; i < keys; i++)
		args[n + i] = serials[i];
	return args;
}

/* Returns when it watches. */
static pid_t start_monitor(const char *dir, bool tree)
{
	int ready[2];
	char text[12];
	pid_t pid;

	if (pipe(ready) < 0)
		bench_fail("a pipe");
	pid = fork();
	if (pid < 0)
		bench_fail("fork");
	if (pid == 0) {
		close(ready[0]);
		snprintf(text, sizeof(text), "%d", ready[1]);
		execvp(wqctl, arguments(dir, text, tree));
		_exit(127);
	}
	close(ready[1]);
	if (read(ready[0], text, sizeof(text)) <= 0) {
		errno = ECHILD;
		bench_fail("a monitor");
	}
	close(ready[0]);
	return pid;
}

struct usage {
	double ready_ms, ready_cpu_ms, cpu_percent;
	uint64_t wakeups; /* of the monitor */
};

static struct usage measure(const char *wqfs, const char *opts, bool tree)
{
	struct bench_mount m;
	struct usage u;
	uint64_t began, cpu;
	pid_t monitor;

	bench_mount(&m, wqfs, opts);
	bench_await_source(&m);
	began = wq_now_ns();
	cpu = bench_cpu_ns(m.daemon);
	monitor = start_monitor(m.dir, tree);
	u.ready_ms = (double)(wq_now_ns() - began) / 1e6;
	cpu = bench_cpu_ns(m.daemon) + bench_cpu_ns(monitor) - cpu;
	u.ready_cpu_ms = (double)cpu / 1e6;
	/* the checks after a new watch are no idle time */
	sleep(SETTLE_S);
	began = wq_now_ns();
	cpu = bench_cpu_ns(m.daemon) + bench_cpu_ns(monitor);
	u.wakeups = bench_wakeups(monitor);
	sleep((unsigned int)seconds);
	u.wakeups = bench_wakeups(monitor) - u.wakeups;
	cpu = bench_cpu_ns(m.daemon) + bench_cpu_ns(monitor) - cpu;
	u.cpu_percent = 100 * (double)cpu / (double)(wq_now_ns() - began);
	kill(monitor, SIGTERM);
	waitpid(monitor, NULL, 0);
	bench_unmount(&m);
	return u;
}

static void run(const char *wqfs, const char *source)
{
	char opts[32], name[64];
	struct usage tree, each;

	snprintf(opts, sizeof(opts), "source=%s", source);
	each = measure(wqfs, opts, false);
	tree = measure(wqfs, opts, true);
	printf("%-5s %d keys: ready after %.0f ms with %.0f ms of CPU (one by one %.0f, %.0f); "
	       "idle for %d s: %.4f %% of a core (%.4f %%), the monitor woke up %llu times "
	       "(%llu)\n",
		source, nkeys, tree.ready_ms, tree.ready_cpu_ms, each.ready_ms,
		each.ready_cpu_ms, seconds, tree.cpu_percent, each.cpu_percent,
		(unsigned long long)tree.wakeups, (unsigned long long)each.wakeups);
	fflush(stdout);
	snprintf(name, sizeof(name), "12 a monitor of a tree is ready, %s", source);
	bench_row(name, tree.ready_ms, "ms", 0, 2000);
	snprintf(name, sizeof(name), "12 a monitor of a tree that is idle, %s", source);
	bench_row(name, tree.cpu_percent, "%", each.cpu_percent, 1.1);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: monitor WQFS WQCTL [KEYS [SECONDS [EACH]]]\n");
		return 2;
	}
	wqctl = argv[2];
	if (argc > 3)
		nkeys = atoi(argv[3]);
	if (argc > 4)
		seconds = atoi(argv[4]);
	if (argc > 5)
		each_ring = atoi(argv[5]);
	if (nkeys < 1 || each_ring < 1)
		bench_fail("numbers of keys");
	bench_many_descriptors();
	bench_join_session();
	make_tree();
	run(argv[1], "poll");
	run(argv[1], "auto");
	return 0;
}
