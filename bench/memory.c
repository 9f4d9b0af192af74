/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the daemon's memory grows by: a queue, a watch, a record, a reader that waits; and what
 * of it is given back. Prints bytes that are resident.
 *
 *	memory WQFS [QUEUES [READERS]]
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

#define RECORDS 16 /* in each queue, when they are filled */

static struct bench_mount m;
static int nqueues =
	9000; /* with two watches each, of which a user may have 20,000 in places */
static int nreaders = 1000;
static int *queues;

static void create(void)
{
	char name[64];

	for (int i = 0; i < nqueues; i++) {
		snprintf(name, sizeof(name), "%s/q%d", m.dir, i);
		queues[i] = open(name, O_RDONLY | O_CREAT | O_NONBLOCK, 0600);
		if (queues[i] < 0)
			bench_fail(name);
	}
}

static void watch(int32_t key)
{
	for (int i = 0; i < nqueues; i++)
		bench_watch(queues[i], key, 1);
}

/* Waits until each queue has RECORDS records more. */
static void fill(int32_t key)
{
	for (int i = 0; i < RECORDS; i++)
		bench_update(key);
	while (bench_stats(queues[nqueues - 1]).posted < RECORDS)
		usleep(10000);
}

/* Memory is given back some time after it was freed. */
static double settled(void)
{
	sleep(3);
	return bench_resident(m.daemon);
}

static void drain(void)
{
	char buf[4096];

	for (int i = 0; i < nqueues; i++)
		while (read(queues[i], buf, sizeof(buf)) > 0)
			;
}

/* A watch waits for the source, whose memory does not count. */
static void wait_for_source(int32_t key)
{
	int fd = bench_queue(&m);

	bench_watch(fd, key, 1);
	close(fd);
}

/* The readers wait on one queue, and are answered by one record each. */
static double readers(int32_t key)
{
	pthread_t *threads = calloc((size_t)nreaders, sizeof(*threads));
	char name[64];
	double before, each;
	int fd;

	snprintf(name, sizeof(name), "%s/readers", m.dir);
	fd = open(name, O_RDONLY | O_CREAT, 0600);
	if (!threads || fd < 0)
		bench_fail(name);
	before = bench_resident(m.daemon);
	bench_park(&fd, 0, nreaders, threads);
	each = (bench_resident(m.daemon) - before) / nreaders;
	bench_watch(fd, key, 1);
	while (bench_stats(fd).readers > 0)
		bench_update(key);
	for (int i = 0; i < nreaders; i++)
		pthread_join(threads[i], NULL);
	close(fd);
	unlink(name);
	free(threads);
	return each;
}

static void remove_all(void)
{
	char name[64];

	for (int i = 0; i < nqueues; i++) {
		close(queues[i]);
		snprintf(name, sizeof(name), "%s/q%d", m.dir, i);
		unlink(name);
	}
}

static void show(const char *row, const char *what, double value, const char *unit,
	double floor, double aim)
{
	char name[128];

	printf("%-44s %10.0f %s\n", what, value, unit);
	snprintf(name, sizeof(name), "%s %s", row, what);
	bench_row(name, value, unit, floor, aim);
}

int main(int argc, char **argv)
{
	double base, empty, watched, more, full, drained;
	int32_t key, other;

	if (argc < 2) {
		fprintf(stderr, "usage: memory WQFS [QUEUES [READERS]]\n");
		return 2;
	}
	if (argc > 2)
		nqueues = atoi(argv[2]);
	if (argc > 3)
		nreaders = atoi(argv[3]);
	queues = calloc((size_t)nqueues, sizeof(*queues));
	bench_many_descriptors();
	bench_join_session();
	key = bench_add_key("wqfs-memory");
	other = bench_add_key("wqfs-memory-readers");
	bench_mount(&m, argv[1], "source=auto,max_queues=0");
	wait_for_source(other);
	show("4", "a reader that waits", readers(other), "B", 0, 512);
	base = bench_resident(m.daemon);
	create();
	empty = bench_resident(m.daemon);
	show("4", "an empty queue", (empty - base) / nqueues, "B", 0, 1024);
	watch(key);
	watched = bench_resident(m.daemon);
	show("4", "a queue's first watch", (watched - empty) / nqueues, "B", 0, 0);
	watch(other);
	more = bench_resident(m.daemon);
	show("4", "a further watch", (more - watched) / nqueues, "B", 0, 256);
	fill(key);
	full = bench_resident(m.daemon);
	show("4", "a record in a queue", (full - more) / nqueues / RECORDS, "B", 0, 256);
	drain();
	drained = settled();
	show("4", "a queue that was full and is drained", (drained - base) / nqueues, "B", 0,
		1024 + 512);
	remove_all();
	show("4", "all, after the removal of the queues", settled() / 1024, "KiB", base / 1024,
		1.1);
	bench_unmount(&m);
	return 0;
}
