/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps that use a queue. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unused.h"
#include "run.h"

/* The largest queue that the kernel allows, twice. */
#define READ_MAX (1 << 17)

static long failed(long r)
{
	return r < 0 ? -errno : r;
}

struct sc_queue *sc_queue_named(struct sc_world *world, const char *name, int *end)
{
	size_t len = strcspn(name, ":");

	*end = !strcmp(name + len, ":w");
	for (int i = 0; i < world->nr_queues; i++)
		if (!strncmp(world->queues[i].name, name, len) && !world->queues[i].name[len])
			return &world->queues[i];
	sc_die("no queue %s", name);
}

int sc_any_queue(const struct sc_world *world)
{
	for (int i = 0; i < world->nr_queues; i++)
		if (world->queues[i].name[0] && world->queues[i].fd[0] >= 0)
			return world->queues[i].fd[0];
	return -1;
}

static int fd_of(struct sc_run *run, const char *name)
{
	int end;
	struct sc_queue *q = sc_queue_named(run->world, name, &end);

	if (q->fd[end] < 0)
		sc_die("queue %s has no such end", name);
	return q->fd[end];
}

static struct sc_queue *new_queue(struct sc_world *world, const char *name)
{
	struct sc_queue *q = &world->queues[world->nr_queues];

	if (world->nr_queues == SC_QUEUES_MAX)
		sc_die("more than %d queues", SC_QUEUES_MAX);
	world->nr_queues++;
	snprintf(q->name, sizeof(q->name), "%s", name);
	return q;
}

/* queue NAME [blocking] */
static long do_queue(struct sc_run *run, int c, char **v)
{
	bool nonblock = c < 3 || strcmp(v[2], "blocking");
	int fd[2], r = sc_system_queue(run->world->sys, v[1], nonblock, fd);

	if (r == 0)
		memcpy(new_queue(run->world, v[1])->fd, fd, sizeof(fd));
	return r;
}

/* dup NEW QUEUE[:w]: NEW has one end, the other is none */
static long do_dup(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int end, fd;
	struct sc_queue *from = sc_queue_named(run->world, v[2], &end), *to;

	fd = dup(from->fd[end]);
	if (fd < 0)
		return -errno;
	to = new_queue(run->world, v[1]);
	to->fd[end] = fd;
	to->fd[!end] = -1;
	return 0;
}

/* close QUEUE (both ends), QUEUE:r or QUEUE:w */
static long do_close(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	const char *colon = strchr(v[1], ':');
	int end, r = 0;
	struct sc_queue *q = sc_queue_named(run->world, v[1], &end);

	for (int i = 0; i < 2; i++) {
		if (q->fd[i] < 0 || (colon && i != end))
			continue;
		r |= close(q->fd[i]);
		q->fd[i] = -1;
	}
	if (q->fd[0] < 0 && q->fd[1] < 0)
		q->name[0] = 0;
	return failed(r);
}

static long do_size(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return failed(
		ioctl(fd_of(run, v[1]), IOC_WATCH_QUEUE_SET_SIZE, strtoul(v[2], NULL, 0)));
}

static long do_filter(struct sc_run *run, int c, char **v)
{
	struct wqfs_filter filter;
	void *arg = NULL;

	switch (sc_parse_filter(&filter, c - 2, v + 2)) {
	case SC_FILTER_RULES:
		arg = &filter;
		break;
	case SC_FILTER_NONE:
		break;
	case SC_FILTER_BAD_PTR:
		arg = (void *)8;
		break;
	default:
		sc_die("not a filter: %s", v[2]);
	}
	return failed(ioctl(fd_of(run, v[1]), IOC_WATCH_QUEUE_SET_FILTER, arg));
}

/* watch QUEUE KEY ID */
static long do_watch(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_system_watch(run->world->sys, fd_of(run, v[1]),
		sc_names_serial(run->world->names, v[2]), strtol(v[3], NULL, 0));
}

static long do_unwatch(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_system_watch(run->world->sys, fd_of(run, v[1]),
		sc_names_serial(run->world->names, v[2]), -1);
}

static void await_golden(struct sc_run *run, int fd)
{
	size_t bytes = sc_expect_bytes(run->world->expect, run->world->step);

	if (bytes)
		sc_system_await_bytes(run->world->sys, fd, bytes);
}

static const char *object_name(void *names, uint32_t serial)
{
	return sc_names_name(names, serial);
}

static void *read_buffer(size_t size)
{
	void *buf = malloc(size ? size : 1);

	if (!buf)
		sc_die("no memory for a read of %zu bytes", size);
	return buf;
}

/* read QUEUE BYTES */
static long do_read(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	size_t size = strtoul(v[2], NULL, 0);
	unsigned char *buf = read_buffer(size);
	int fd = fd_of(run, v[1]);
	ssize_t n;

	await_golden(run, fd);
	n = read(fd, buf, size);
	sc_print_result(run->out, failed(n));
	if (n > 0)
		sc_print_records(run->out, buf, (size_t)n, object_name, run->world->names);
	free(buf);
	return SC_SHOWN;
}

static const char *end_name(ssize_t n)
{
	return n == 0 ? "EOF" : sc_error_name(errno);
}

/* drain QUEUE: reads until there is no more */
static long do_drain(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	unsigned char *buf = read_buffer(READ_MAX);
	int fd = fd_of(run, v[1]);
	size_t total = 0;
	ssize_t n;

	await_golden(run, fd);
	while ((n = read(fd, buf + total, READ_MAX - total)) > 0)
		total += (size_t)n;
	fprintf(run->out, "= %zu then %s\n", total, end_name(n));
	sc_print_records(run->out, buf, total, object_name, run->world->names);
	free(buf);
	return SC_SHOWN;
}

/* count QUEUE: drains, and says only how many of what */
static long do_count(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	unsigned char *buf = read_buffer(READ_MAX);
	int fd = fd_of(run, v[1]);
	struct sc_runs runs = {0};
	ssize_t n;

	await_golden(run, fd);
	fputc('=', run->out);
	while ((n = read(fd, buf, READ_MAX)) > 0)
		sc_runs_add(&runs, run->out, buf, (size_t)n);
	sc_runs_end(&runs, run->out);
	fprintf(run->out, " then %s\n", end_name(n));
	free(buf);
	return SC_SHOWN;
}

static long do_poll(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	struct pollfd p = {.fd = fd_of(run, v[1]), .events = POLLIN | POLLOUT};
	int r;

	await_golden(run, p.fd);
	r = poll(&p, 1, 0);
	fprintf(run->out, "= %d%s%s%s%s\n", r, p.revents & POLLIN ? " IN" : "",
		p.revents & POLLOUT ? " OUT" : "", p.revents & POLLHUP ? " HUP" : "",
		p.revents & POLLERR ? " ERR" : "");
	return SC_SHOWN;
}

static long do_fionread(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int fd = fd_of(run, v[1]), n = -1;
	bool tells;
	struct stat st;
	long told;

	tells = sc_system_tells_bytes(run->world->sys, fd, &told);
	await_golden(run, fd);
	/* On a FUSE file the kernel answers from the size it knows: bring it up to date. */
	if (fstat(fd, &st) < 0 || ioctl(fd, FIONREAD, &n) < 0)
		return -errno;
	if (!tells || told == n)
		return n;
	fprintf(run->out, "= %d, but the mount says %ld\n", n, told);
	return SC_SHOWN;
}

/* PIPE_IOC_SYNC of the facility's document */
static long do_pipesync(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return failed(ioctl(fd_of(run, v[1]), PIPE_IOC_SYNC, 0));
}

static long do_write(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return failed(write(fd_of(run, v[1]), v[2], strlen(v[2])));
}

static long do_lseek(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return failed(lseek(fd_of(run, v[1]), 0, SEEK_SET));
}

/* pread QUEUE OFFSET */
static long do_pread(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	char buf[64];

	return failed(pread(fd_of(run, v[1]), buf, sizeof(buf), (off_t)strtoul(v[2], NULL, 0)));
}

const struct sc_step sc_queue_steps[] = {
	{"queue", 2, do_queue},
	{"dup", 3, do_dup},
	{"close", 2, do_close},
	{"size", 3, do_size},
	{"filter", 3, do_filter},
	{"watch", 4, do_watch},
	{"unwatch", 3, do_unwatch},
	{"read", 3, do_read},
	{"drain", 2, do_drain},
	{"count", 2, do_count},
	{"poll", 2, do_poll},
	{"fionread", 2, do_fionread},
	{"pipesync", 2, do_pipesync},
	{"write", 3, do_write},
	{"lseek", 2, do_lseek},
	{"pread", 3, do_pread},
	{0},
};
