/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many updates of a key a second one process and four processes do flat out: with no wqfs,
 * and while the key is watched and a reader keeps up; and how many of their records are lost.
 * Beside that, what an update costs whose process writes as many bytes as a record has into a
 * pipe itself, which somebody reads: nobody can be told for less.
 *
 *	throughput WQFS [SOURCE [SECONDS]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

#define WRITERS_MAX 4
#define QUEUE	    512

static double seconds = 1;
static int32_t key;

/* Writes a record's bytes into TOLD after each update, if that is not -1. */
static uint64_t update_until(uint64_t end_ns, int told)
{
	static const char record[16];
	uint64_t n = 0;

	do {
		for (int i = 0; i < 16; i++, n++) {
			bench_update(key);
			if (told >= 0 && write(told, record, sizeof(record)) < 0)
				bench_fail("write");
		}
	} while (wq_now_ns() < end_ns);
	return n;
}

/* Updates a second by WRITERS processes; *DONE: how many there were. TOLD is that of
 * update_until(). */
static double flat_out(int writers, int told, uint64_t *done)
{
	uint64_t began = wq_now_ns(), end = began + (uint64_t)(seconds * 1e9);
	int fds[2];

	*done = 0;
	if (pipe(fds) < 0)
		bench_fail("pipe");
	for (int i = 0; i < writers; i++)
		if (fork() == 0) {
			uint64_t n = update_until(end, told);

			_exit(write(fds[1], &n, sizeof(n)) != sizeof(n));
		}
	for (int i = 0; i < writers; i++) {
		uint64_t n;

		if (read(fds[0], &n, sizeof(n)) != sizeof(n))
			bench_fail("a writer");
		*done += n;
		wait(NULL);
	}
	close(fds[0]);
	close(fds[1]);
	return (double)*done / ((double)(wq_now_ns() - began) / 1e9);
}

static pid_t start_reader(int fd)
{
	pid_t pid = fork();
	char buf[65536];

	if (pid != 0)
		return pid;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	_exit(0);
}

static void end_reader(pid_t reader)
{
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
}

/* Updates a second by WRITERS processes that tell a reader themselves. */
static double told_by_pipe(int writers)
{
	double result;
	uint64_t done;
	pid_t reader;
	int fds[2];

	if (pipe(fds) < 0)
		bench_fail("pipe");
	reader = start_reader(fds[0]);
	result = flat_out(writers, fds[1], &done);
	end_reader(reader);
	close(fds[0]);
	close(fds[1]);
	return result;
}

static struct wqfs_stats settled(int fd, uint64_t want)
{
	struct wqfs_stats s;
	uint64_t end = wq_now_ns() + 5 * WQ_NSEC_PER_SEC;

	do {
		if (ioctl(fd, WQFS_IOC_SYNC) < 0)
			bench_fail("WQFS_IOC_SYNC");
		s = bench_stats(fd);
		usleep(10000);
	} while (s.posted + s.lost < want && wq_now_ns() < end);
	return s;
}

static void compare(const char *wqfs, const char *source, int writers)
{
	struct bench_mount m;
	struct wqfs_stats s;
	char opts[128], name[64];
	uint64_t done;
	double off, on, by_pipe;
	pid_t reader;
	int fd;

	off = flat_out(writers, -1, &done);
	by_pipe = told_by_pipe(writers);
	snprintf(opts, sizeof(opts), "source=%s,default_size=%d,max_size=%d", source, QUEUE,
		QUEUE);
	bench_mount(&m, wqfs, opts);
	fd = bench_queue(&m);
	bench_watch(fd, key, 1);
	reader = start_reader(fd);
	on = flat_out(writers, -1, &done);
	s = settled(fd, done);
	printf("%d writers: %.0f updates a second, with a pipe %.0f, with wqfs %.0f (%.2f); of %llu "
	       "records %llu were lost\n",
		writers, off, by_pipe, on, on / off, (unsigned long long)done,
		(unsigned long long)(done - s.posted));
	/* a ratio that should be large is turned round: what an update takes */
	snprintf(name, sizeof(name), "8 an update, %d flat out, %s", writers, source);
	bench_row(name, 1e6 / on, "us", 1e6 / off, 1 / 0.9);
	snprintf(name, sizeof(name), "8 an update and a write to a pipe, %d flat out", writers);
	bench_row(name, 1e6 / by_pipe, "us", 1e6 / off, 0);
	snprintf(name, sizeof(name), "8 records lost, %d flat out, %s", writers, source);
	bench_row(name, 100 * (double)(done - s.posted) / (double)done, "%", 0, 0.001);
	end_reader(reader);
	close(fd);
	bench_unmount(&m);
}

int main(int argc, char **argv)
{
	const char *source = argc > 2 ? argv[2] : "auto";

	if (argc < 2) {
		fprintf(stderr, "usage: throughput WQFS [SOURCE [SECONDS]]\n");
		return 2;
	}
	if (argc > 3)
		seconds = atof(argv[3]);
	bench_join_session();
	key = bench_add_key("wqfs-throughput");
	compare(argv[1], source, 1);
	compare(argv[1], source, WRITERS_MAX);
	return 0;
}
