/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a read() of 8 and of 64 KiB of records takes, and how much longer text and JSON take
 * than the same number of records; against a read() of as many bytes from a null filesystem.
 * Lines are longer than records, and come in several reads: what as many reads of as many bytes
 * take from a null filesystem is printed beside them.
 *
 *	drain WQFS NULLFS [ROUNDS]
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/array_size.h"
#include "common.h"

#define RECORD 16
#define MOST   65536

static struct bench_mount m, null;
static int rounds = 50;
static char buf[1 << 20];
static int32_t key;
static size_t sizes[1024]; /* of the reads that gave the lines last measured */
static int reads;

/* Queues N records. */
static void fill(int fd, int n)
{
	uint64_t until = bench_stats(fd).posted + (uint64_t)n;

	for (int i = 0; i < n; i++)
		bench_update(key);
	do
		usleep(1000);
	while (bench_stats(fd).posted < until);
}

/* Reads SIZE bytes from FD. Returns the microseconds. */
static double read_bytes(int fd, size_t size)
{
	uint64_t began = wq_now_ns();

	if (read(fd, buf, size) != (ssize_t)size)
		bench_fail("a read of records");
	return (double)(wq_now_ns() - began) / 1000;
}

/* Reads N lines, which are all as long as the first, from FD. Returns the microseconds. */
static double read_lines(int fd, int n)
{
	uint64_t began = wq_now_ns();
	ssize_t done = read(fd, buf, sizeof(buf)), last = done;
	const char *end = done > 0 ? memchr(buf, '\n', (size_t)done) : NULL;
	const ssize_t all = end ? (end + 1 - buf) * n : 0;

	reads = 0;
	while (last > 0 && reads < (int)ARRAY_SIZE(sizes)) {
		sizes[reads++] = (size_t)last;
		if (done >= all)
			break;
		last = read(fd, buf, sizeof(buf));
		done += last;
	}
	if (!all || done != all)
		bench_fail("a read of lines");
	return (double)(wq_now_ns() - began) / 1000;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *us)
{
	qsort(us, (size_t)rounds, sizeof(*us), by_value);
	return us[rounds / 2];
}

static double measure(int fd, int records, bool lines)
{
	double *us = calloc((size_t)rounds, sizeof(*us)), result;

	if (!us)
		bench_fail("memory");
	for (int i = 0; i < rounds; i++) {
		fill(fd, records);
		us[i] = lines ? read_lines(fd, records)
			      : read_bytes(fd, (size_t)records * RECORD);
	}
	result = median(us);
	free(us);
	return result;
}

/* What fill() ends with: its processor has been idle, and the daemon has just answered. */
static void rest(int fd)
{
	usleep(1000);
	(void)bench_stats(fd);
}

static double measure_null(int fd, size_t size)
{
	double *us = calloc((size_t)rounds, sizeof(*us)), result;

	if (!us)
		bench_fail("memory");
	for (int i = 0; i < rounds; i++) {
		rest(fd);
		us[i] = read_bytes(fd, size);
	}
	result = median(us);
	free(us);
	return result;
}

/* As many reads of as many bytes as gave the lines last measured. */
static double measure_null_lines(int fd)
{
	double *us = calloc((size_t)rounds, sizeof(*us)), result;
	const int many = reads;

	if (!us)
		bench_fail("memory");
	for (int i = 0; i < rounds; i++) {
		rest(fd);
		for (int j = 0; j < many; j++)
			us[i] += read_bytes(fd, sizes[j]);
	}
	result = median(us);
	free(us);
	return result;
}

static void set_format(int fd, unsigned long format)
{
	if (ioctl(fd, WQFS_IOC_SET_FORMAT, format) < 0)
		bench_fail("WQFS_IOC_SET_FORMAT");
}

/* RECORDS as lines of a format, and what a null filesystem makes of as many bytes; RAW is what
 * the records take. Returns microseconds. */
static double compare_lines(
	int fd, int null_fd, int records, unsigned long format, const char *what, double raw)
{
	double lines, bare;
	char name[96];

	set_format(fd, format);
	lines = measure(fd, records, true);
	snprintf(name, sizeof(name), "6 %d records as %s", records, what);
	bench_row(name, lines, "us", raw, 2);
	bare = measure_null_lines(null_fd);
	snprintf(
		name, sizeof(name), "6 as many bytes as %d records as %s, null", records, what);
	bench_row(name, bare, "us", raw, 0);
	return lines;
}

static void compare(int fd, int null_fd, size_t size)
{
	const int records = (int)(size / RECORD);
	double floor = measure_null(null_fd, size), raw, text, json;
	char name[64];

	set_format(fd, WQFS_FORMAT_RAW);
	raw = measure(fd, records, false);
	snprintf(name, sizeof(name), "6 a read of %zu KiB of records", size / 1024);
	bench_row(name, raw, "us", floor, 1.1);
	text = compare_lines(fd, null_fd, records, WQFS_FORMAT_TEXT, "text", raw);
	json = compare_lines(fd, null_fd, records, WQFS_FORMAT_JSON, "JSON", raw);
	printf("%2zu KiB of records: %.1f us (%.2f times a null file), as text %.1f us, as "
	       "JSON "
	       "%.1f us\n",
		size / 1024, raw, raw / floor, text, json);
}

int main(int argc, char **argv)
{
	char name[64];
	int fd, null_fd;

	if (argc < 3) {
		fprintf(stderr, "usage: drain WQFS NULLFS [ROUNDS]\n");
		return 2;
	}
	if (argc > 3)
		rounds = atoi(argv[3]);
	bench_join_session();
	key = bench_add_key("wqfs-drain");
	bench_mount(&null, argv[2], "default_permissions");
	snprintf(name, sizeof(name), "%s/q", null.dir);
	null_fd = open(name, O_RDONLY | O_CREAT, 0600);
	bench_mount(&m, argv[1], "source=auto,max_size=4096,default_size=4096");
	snprintf(name, sizeof(name), "%s/q", m.dir);
	fd = open(name, O_RDONLY | O_CREAT | O_NONBLOCK, 0600);
	if (fd < 0 || null_fd < 0)
		bench_fail(name);
	bench_watch(fd, key, 1);
	compare(fd, null_fd, 8192);
	compare(fd, null_fd, MOST);
	close(fd);
	close(null_fd);
	bench_unmount(&m);
	bench_unmount(&null);
	return 0;
}
