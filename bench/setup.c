/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long it takes to make queues, each with a watch on the same key, and whether the last of
 * them takes longer than the first; against files of a null filesystem, each with an ioctl.
 * Also how long a mount takes until it answers, and until its source has started, and how long
 * the first watch of all takes, against a further one. By kernel-syscalls the programs are
 * detached some time after the last watch has ended. How long a watch takes that attaches them
 * again is measured TIMES times (20) at once, when the kernel still has to wait for all
 * processors, and as often when these have passed.
 *
 *	setup WQFS NULLFS [QUEUES [TIMES]]
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "wqfs.h"

#define STARTS	5
#define WATCHES 51

struct times {
	double start;	    /* until it answers, in microseconds */
	double first, last; /* one queue of the first and of the last tenth */
	double each;
};

static int nqueues = 10000, times = 20;

static double make(const struct bench_mount *m, int from, int to, int32_t key)
{
	uint64_t began = wq_now_ns();
	char name[64];

	for (int i = from; i < to; i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/q%d", m->dir, i);
		fd = open(name, O_RDONLY | O_CREAT, 0600);
		if (fd < 0)
			bench_fail(name);
		bench_watch(fd, key, 1);
		close(fd);
	}
	return (double)(wq_now_ns() - began) / 1000 / (to - from);
}

/* Until the mount answers and, if it has a source, until that has started. */
static double start_us(const char *program, const char *opts)
{
	double best = 0;

	for (int i = 0; i < STARTS; i++) {
		struct bench_mount m;
		uint64_t began = wq_now_ns();
		double us;

		bench_mount(&m, program, opts);
		bench_await_source(&m);
		us = (double)(wq_now_ns() - began) / 1000;
		bench_unmount(&m);
		if (!best || us < best)
			best = us;
	}
	return best;
}

/* A null filesystem that is linked with the daemon's libraries, and calls none of them. */
static double start_linked_us(const char *nullfs)
{
	char program[PATH_MAX];

	snprintf(program, sizeof(program), "%s_linked", nullfs);
	return start_us(program, "default_permissions");
}

static struct times measure(const char *program, const char *opts, int32_t key)
{
	struct bench_mount m;
	struct times t = {.start = start_us(program, opts)};
	const int tenth = nqueues / 10;
	double middle;

	bench_mount(&m, program, opts);
	t.first = make(&m, 0, tenth, key);
	middle = make(&m, tenth, nqueues - tenth, key);
	t.last = make(&m, nqueues - tenth, nqueues, key);
	t.each = (t.first + middle * 8 + t.last) / 10;
	bench_unmount(&m);
	return t;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double watch_us(int fd, int32_t key)
{
	uint64_t began = wq_now_ns();

	bench_watch(fd, key, 1);
	return (double)(wq_now_ns() - began) / 1000;
}

/* The first watch of a mount, and the medians of others that are the only one, and of a second
 * one.
 */
struct watches {
	double first, only, second;
};

static struct watches measure_watches(const char *program, int32_t key)
{
	double onlies[WATCHES], seconds[WATCHES];
	struct watches w;
	int32_t other = bench_add_key("wqfs-setup-other");
	struct bench_mount m;
	char removals[256];
	int fd;

	bench_mount(&m, program, "source=auto");
	bench_await_source(&m);
	fd = bench_queue(&m);
	for (int i = 0; i < WATCHES; i++) {
		onlies[i] = watch_us(fd, key);
		seconds[i] = watch_us(fd, other);
		bench_watch(fd, other, -1);
		bench_watch(fd, key, -1);
		if (read(fd, removals, sizeof(removals)) <= 0)
			bench_fail("a read");
	}
	close(fd);
	bench_unmount(&m);
	w.first = onlies[0];
	qsort(onlies, WATCHES, sizeof(*onlies), by_value);
	qsort(seconds, WATCHES, sizeof(*seconds), by_value);
	w.only = onlies[WATCHES / 2];
	w.second = seconds[WATCHES / 2];
	return w;
}

/* ---- a watch that attaches the programs ---- */

/* ---- others, meanwhile ---- */

/* Asks for a queue's state again and again, as somebody else does. */
struct other {
	pthread_t thread;
	int fd;
	_Atomic bool ends;
	double longest; /* microseconds */
};

static void *ask_on(void *arg)
{
	struct other *o = arg;

	while (!o->ends) {
		uint64_t began = wq_now_ns();
		double us;

		(void)bench_stats(o->fd);
		us = (double)(wq_now_ns() - began) / 1000;
		if (us > o->longest)
			o->longest = us;
		usleep(50);
	}
	return NULL;
}

/* The time of a watch after all programs were detached, in microseconds; if HAS_PASSED, also
 * after all processors have passed. *OTHERS: the longest time that somebody else waited
 * meanwhile. */
static double attaching_us(
	const struct bench_mount *m, int fd, int32_t key, bool has_passed, double *others)
{
	struct other o = {.fd = fd};
	char removal[256];
	double us;

	while (bench_has_links(m))
		usleep(1000);
	if (has_passed && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		bench_fail("membarrier");
	if (pthread_create(&o.thread, NULL, ask_on, &o) != 0)
		bench_fail("a thread");
	us = watch_us(fd, key);
	o.ends = true;
	pthread_join(o.thread, NULL);
	*others = o.longest;
	if (!bench_has_links(m))
		bench_fail("a watch that attaches programs");
	bench_watch(fd, key, -1);
	if (read(fd, removal, sizeof(removal)) <= 0)
		bench_fail("a read");
	return us;
}

static void measure_attaching(const char *program, int32_t key, double second)
{
	double *at_once = calloc((size_t)times, sizeof(double)),
	       *later = calloc((size_t)times, sizeof(double)),
	       *others = calloc(2 * (size_t)times, sizeof(double));
	struct bench_mount m;
	int fd;

	if (!at_once || !later || !others)
		bench_fail("memory");
	bench_mount(&m, program, "source=auto");
	bench_await_source(&m);
	fd = bench_queue(&m);
	for (int i = 0; bench_attaches(&m) && i < times; i++) {
		at_once[i] = attaching_us(&m, fd, key, false, &others[2 * i]);
		later[i] = attaching_us(&m, fd, key, true, &others[2 * i + 1]);
	}
	close(fd);
	bench_unmount(&m);
	qsort(at_once, (size_t)times, sizeof(double), by_value);
	qsort(later, (size_t)times, sizeof(double), by_value);
	qsort(others, 2 * (size_t)times, sizeof(double), by_value);
	if (later[0] > 0) {
		printf("a watch that attaches the programs takes %.1f us (%.1f to %.1f), just "
		       "after they were detached %.1f us (%.1f to %.1f); others wait meanwhile "
		       "for %.1f us at the longest (median), and never longer than %.1f us\n",
			later[times / 2], later[0], later[times - 1], at_once[times / 2],
			at_once[0], at_once[times - 1], others[times], others[2 * times - 1]);
		bench_row("5 a watch that attaches the programs, against a second one",
			later[times / 2], "us", second, 0);
		bench_row("5 a watch that attaches the programs", later[times / 2], "us", 0, 0);
		bench_row("5 a watch just after they were detached", at_once[times / 2], "us",
			0, 0);
		bench_row("5 the longest that others wait meanwhile", others[times], "us", 0,
			2000);
	}
	free(at_once);
	free(later);
	free(others);
}

int main(int argc, char **argv)
{
	struct times wqfs, null;
	struct watches w;
	double source, linked;
	int32_t key;

	if (argc < 3) {
		fprintf(stderr, "usage: setup WQFS NULLFS [QUEUES [TIMES]]\n");
		return 2;
	}
	if (argc > 3)
		nqueues = atoi(argv[3]);
	if (argc > 4)
		times = atoi(argv[4]);
	if (nqueues < 10 || times < 1) {
		fprintf(stderr, "setup: that is too few\n");
		return 2;
	}
	bench_many_descriptors();
	bench_join_session();
	key = bench_add_key("wqfs-setup");
	null = measure(argv[2], "default_permissions", key);
	wqfs = measure(argv[1], "source=poll,max_queues=0", key);
	linked = start_linked_us(argv[2]);
	source = start_us(argv[1], "source=auto");
	w = measure_watches(argv[1], key);
	printf("a queue with a watch: %.1f us (%.2f times a null file), the first ones %.1f, "
	       "the "
	       "last ones %.1f; a mount answers after %.1f ms (%.2f times a null mount), its "
	       "source has started after %.1f ms\n",
		wqfs.each, wqfs.each / null.each, wqfs.first, wqfs.last, wqfs.start / 1000,
		wqfs.start / null.start, source / 1000);
	printf("the first watch takes %.1f us, one after the end of the last %.1f us, a second "
	       "one %.1f us\n",
		w.first, w.only, w.second);
	bench_row("5 a queue with a watch", wqfs.each, "us", null.each, 2);
	bench_row("5 the last ones against the first", wqfs.last, "us", wqfs.first, 1.5);
	bench_row(
		"10 a mount until it answers", wqfs.start / 1000, "ms", null.start / 1000, 1.3);
	bench_row("10 a mount, null with the daemon's libraries", linked / 1000, "ms",
		null.start / 1000, 0);
	bench_row("10 a mount until its source has started", source / 1000, "ms", 0, 500);
	bench_row("5 the first watch of a mount", w.first, "us", 0, 2000);
	bench_row("5 a watch after the end of the last one", w.only, "us", 0, 2000);
	bench_row("5 a second watch", w.second, "us", 0, 0);
	measure_attaching(argv[1], key, w.second);
	return 0;
}
