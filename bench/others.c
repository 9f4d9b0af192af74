/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a daemon costs those who watch nothing: the time of an update, a link, a description and
 * an add_key() that updates, of keys that nobody watches, without a daemon, with one that has
 * no watch, and with one that has a watch on another key. All three in one run, in turns, so
 * that what else the machine does falls on each. Prints the best part of all turns, in
 * nanoseconds, and its ratio to that without a daemon. getppid() stands for a system call that
 * has nothing to do with keys. The same is measured without a daemon while two programs that do
 * nothing are attached to the entry and the exit of all system calls: whoever looks at system
 * calls cannot cost less.
 *
 *	others WQFS [SOURCE [TURNS]]
 *
 * SOURCE is one of the mount option (auto).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "base/array_size.h"
#include "common.h"
#include "empty_programs.h"

/* Of each operation in a part of a turn, which is shorter than the time that others may run. */
#define CALLS 1000
#define PARTS 20

static int32_t key, ring;

static void update(void)
{
	bench_keyctl(KEYCTL_UPDATE, (unsigned long)key, (unsigned long)"payload", 7, 0);
}

static void link_key(void)
{
	bench_keyctl(KEYCTL_LINK, (unsigned long)key, (unsigned long)ring, 0, 0);
}

static void describe(void)
{
	char buf[256];

	bench_keyctl(KEYCTL_DESCRIBE, (unsigned long)key, (unsigned long)buf, sizeof(buf), 0);
}

static void add_again(void)
{
	syscall(SYS_add_key, "user", "wqfs-others", "payload", 7, KEY_SPEC_SESSION_KEYRING);
}

static void ask_parent(void)
{
	syscall(SYS_getppid);
}

static const struct {
	const char *name;
	void (*call)(void);
} operations[] = {
	{"update", update},
	{"link", link_key},
	{"describe", describe},
	{"add_key", add_again},
	{"getppid", ask_parent},
};

#define OPERATIONS ARRAY_SIZE(operations)

enum { ALONE, EMPTY, UNUSED, USED, WATCHED, WAYS };

static const char *const ways[] = {
	"no daemon", "two empty programs", "no watch", "another key watched", "watched"};
static const double aims[] = {0, 0, 1.05, 1.3, 2};

static double best[WAYS][OPERATIONS];

static void measure_part(int way, size_t i)
{
	uint64_t began = wq_now_ns();
	double each;

	for (int n = 0; n < CALLS; n++)
		operations[i].call();
	each = (double)(wq_now_ns() - began) / CALLS;
	if (best[way][i] == 0 || each < best[way][i])
		best[way][i] = each;
}

static void measure(int way)
{
	for (size_t i = 0; i < OPERATIONS; i++)
		for (int part = 0; part < PARTS; part++)
			measure_part(way, i);
}

static void measure_empty(void)
{
	const int entry = bench_attach_empty("sys_enter"), end = bench_attach_empty("sys_exit");

	if (entry >= 0 && end >= 0)
		measure(EMPTY);
	close(entry);
	close(end);
}

static void turn(const char *wqfs, const char *opts, int32_t watched)
{
	struct bench_mount m;
	int fd;

	measure(ALONE);
	measure_empty();
	bench_mount(&m, wqfs, opts);
	bench_await_source(&m);
	bench_await_rest(&m);
	measure(UNUSED);
	fd = bench_queue(&m);
	bench_watch(fd, watched, 1);
	measure(USED);
	bench_watch(fd, key, 2);
	bench_watch(fd, ring, 3);
	measure(WATCHED);
	close(fd);
	bench_unmount(&m);
}

static void print_rows(size_t i, const char *source)
{
	char name[128];

	for (int way = EMPTY; way < WAYS; way++) {
		if (best[way][i] == 0) /* it cannot be had */
			continue;
		snprintf(name, sizeof(name), "3 %s, %s, %s", operations[i].name, ways[way],
			source);
		bench_row(name, best[way][i], "ns", best[ALONE][i], aims[way]);
	}
}

int main(int argc, char **argv)
{
	int turns = argc > 3 ? atoi(argv[3]) : 5;
	int32_t watched;
	char opts[64];

	if (argc < 2) {
		fprintf(stderr, "usage: others WQFS [SOURCE [TURNS]]\n");
		return 2;
	}
	snprintf(opts, sizeof(opts), "source=%s", argc > 2 ? argv[2] : "auto");
	bench_join_session();
	key = bench_add_key("wqfs-others");
	ring = (int32_t)syscall(
		SYS_add_key, "keyring", "wqfs-others", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	if (ring < 0)
		bench_fail("add_key");
	watched = bench_add_key("wqfs-others-watched");
	for (int i = 0; i < turns; i++)
		turn(argv[1], opts, watched);
	for (size_t i = 0; i < OPERATIONS; i++) {
		printf("%-9s", operations[i].name);
		for (int way = 0; way < WAYS; way++)
			printf("  %s %6.0f ns (%.2f)", ways[way], best[way][i],
				best[way][i] / best[ALONE][i]);
		printf("\n");
		print_rows(i, argc > 2 ? argv[2] : "auto");
	}
	return 0;
}
