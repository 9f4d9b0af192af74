/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether what costs little with few costs little with many: an event with few and many watches
 * on other keys; a queue's create, lookup and unlink with few and many queues; readdir for each
 * name; a read that finds a record, and a close, with few and many parked readers.
 *
 *	scale WQFS [MANY [READERS]]
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unused.h"
#include "common.h"

#define FEW    10
#define ROUNDS 200

static struct bench_mount m;
static int many = 10000, most_readers = 2000;
static int32_t key;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The median of ROUNDS calls of ONE, in microseconds. */
static double median(void (*one)(int fd), int fd)
{
	uint64_t ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t began = wq_now_ns();

		one(fd);
		ns[i] = wq_now_ns() - began;
	}
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	return (double)ns[ROUNDS / 2] / 1000;
}

/* ---- what is measured ---- */

static void event(int fd)
{
	char buf[64];

	bench_update(key);
	if (read(fd, buf, sizeof(buf)) <= 0)
		bench_fail("an event");
}

static void create_and_unlink(int fd)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/new", m.dir);
	fd = open(name, O_RDONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || unlink(name) < 0)
		bench_fail(name);
	close(fd);
}

static void look_up(int fd WQ_UNUSED)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "%s/q%d", m.dir, FEW / 2);
	if (stat(name, &st) < 0)
		bench_fail(name);
}

static void open_and_close(int fd)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/q%d", m.dir, FEW / 2);
	fd = open(name, O_RDONLY);
	if (fd < 0 || close(fd) < 0)
		bench_fail(name);
}

/* Microseconds for a name. */
static double list(void)
{
	uint64_t began = wq_now_ns();
	DIR *dir = opendir(m.dir);
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (!n)
		bench_fail("readdir");
	closedir(dir);
	return (double)(wq_now_ns() - began) / 1000 / n;
}

/* ---- few and many ---- */

static int make(int i, int32_t watched)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s/q%d", m.dir, i);
	fd = open(name, O_RDONLY | O_CREAT, 0600);
	if (fd < 0)
		bench_fail(name);
	if (watched)
		bench_watch(fd, watched, 1);
	return fd;
}

static void row(const char *what, double few, double most)
{
	char name[128];

	printf("%-40s %9.2f us, with many %9.2f us (%.2f)\n", what, few, most, most / few);
	snprintf(name, sizeof(name), "9 %s", what);
	bench_row(name, most, "us", few, 1.5);
}

int main(int argc, char **argv)
{
	double few[6], most[6];
	int32_t others;
	int fd, parked;

	if (argc < 2) {
		fprintf(stderr, "usage: scale WQFS [MANY [READERS]]\n");
		return 2;
	}
	if (argc > 2)
		many = atoi(argv[2]);
	if (argc > 3)
		most_readers = atoi(argv[3]);
	bench_many_descriptors();
	bench_join_session();
	key = bench_add_key("wqfs-scale");
	others = bench_add_key("wqfs-scale-others");
	bench_mount(&m, argv[1], "source=auto,max_queues=0");
	fd = bench_queue(&m);
	bench_watch(fd, key, 1);
	for (int i = 0; i < FEW; i++)
		close(make(i, others));
	few[0] = median(event, fd);
	few[1] = median(create_and_unlink, fd);
	few[2] = median(look_up, fd);
	few[3] = list();
	for (int i = FEW; i < many; i++)
		close(make(i, others));
	most[0] = median(event, fd);
	most[1] = median(create_and_unlink, fd);
	most[2] = median(look_up, fd);
	most[3] = list();
	parked = make(many, 0);
	bench_park(&parked, 0, 1, NULL);
	few[4] = median(event, fd);
	few[5] = median(open_and_close, fd);
	bench_park(&parked, 1, most_readers, NULL);
	most[4] = median(event, fd);
	most[5] = median(open_and_close, fd);
	row("an event and its read, watches elsewhere", few[0], most[0]);
	row("create and unlink, queues", few[1], most[1]);
	row("lookup, queues", few[2], most[2]);
	row("readdir of one name, queues", few[3], most[3]);
	row("an event and its read, parked readers", few[4], most[4]);
	row("open and close, parked readers", few[5], most[5]);
	fflush(stdout);
	bench_unmount(&m);
	_exit(0); /* the readers still wait */
}
