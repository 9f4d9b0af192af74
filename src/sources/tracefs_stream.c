/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#ifdef HAVE_TRACEFS

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <tracefs/tracefs.h>
#include <unistd.h>

#include "sources/tracefs_stream.h"

static int stream_open_cpu(struct wq_stream *s, int i)
{
	struct epoll_event ev = {.events = EPOLLIN};
	char file[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%d/trace_pipe_raw", i);
	s->cpus[i].fd = tracefs_instance_file_open(
		s->instance, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (s->cpus[i].fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return epoll_ctl(s->ready.fd, EPOLL_CTL_ADD, s->cpus[i].fd, &ev) < 0 ? -errno : 0;
}

int wq_stream_open(struct wq_stream *s, const struct wq_stream_type *type, struct wq_loop *loop,
	struct wq_stream_reader *reader, unsigned int buffer_kb)
{
	char name[64];
	int r = 0;

	s->loop = loop;
	s->reader = reader;
	s->cpus = calloc((size_t)reader->ncpus, sizeof(*s->cpus));
	if (!s->cpus)
		return -ENOMEM;
	for (int i = 0; i < s->reader->ncpus; i++)
		s->cpus[i].fd = -1;
	s->ready.fd = epoll_create1(EPOLL_CLOEXEC);
	snprintf(name, sizeof(name), "%s%d", type->prefix, (int)getpid());
	errno = 0;
	s->instance = tracefs_instance_create(name);
	/* the mark at which we are woken, and the clock of clock_gettime() */
	if (s->ready.fd < 0 || !s->instance ||
		tracefs_instance_file_write(s->instance, "buffer_percent", type->percent) < 0 ||
		tracefs_instance_file_write(s->instance, "trace_clock", "mono") < 0 ||
		tracefs_instance_set_buffer_size(s->instance, buffer_kb, -1) < 0 ||
		tracefs_trace_on(s->instance) < 0)
		return errno ? -errno : -EIO;
	for (int i = 0; r == 0 && i < s->reader->ncpus; i++)
		r = stream_open_cpu(s, i);
	return r;
}

int wq_stream_poll(struct wq_stream *s)
{
	int r = s->polled ? 0 : wq_loop_add(s->loop, &s->ready, EPOLLIN);

	s->polled |= r == 0;
	return r;
}

void wq_stream_rest(struct wq_stream *s)
{
	if (s->polled)
		wq_loop_del(s->loop, &s->ready);
	s->polled = false;
}

void wq_stream_close(struct wq_stream *s)
{
	wq_stream_rest(s);
	for (int i = 0; s->cpus && i < s->reader->ncpus; i++)
		if (s->cpus[i].fd >= 0)
			close(s->cpus[i].fd);
	free(s->cpus);
	s->cpus = NULL;
	if (s->ready.fd >= 0)
		close(s->ready.fd);
	s->ready.fd = -1;
	if (s->instance) {
		tracefs_instance_destroy(s->instance);
		tracefs_instance_free(s->instance);
	}
	s->instance = NULL;
}

/* Calls FN, unless it is NULL, for each page that CPU I has, but for no more than a turn's
 * pages. Returns the number of pages, or -errno. */
static int cpu_read(struct wq_stream *s, int i, void (*fn)(void *arg), void *arg)
{
	struct wq_stream_reader *reader = s->reader;
	int pages = 0;
	ssize_t n = 0;

	while (s->cpus[i].fd >= 0 && pages < reader->pages &&
		(n = read(s->cpus[i].fd, reader->page, reader->page_size)) > 0) {
		pages++;
		if (fn)
			fn(arg);
	}
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : pages;
}

int wq_stream_read(struct wq_stream *s, void (*fn)(void *arg), void *arg, uint64_t *until_ns)
{
	struct wq_stream_reader *reader = s->reader;

	for (int i = 0; i < s->reader->ncpus; i++) {
		struct wq_stream_cpu *cpu = &s->cpus[i];

		if (!cpu->cut || cpu->last_ns <= reader->until_ns) {
			int pages = cpu_read(s, i, fn, arg);

			if (pages < 0)
				return pages;
			cpu->cut = pages == reader->pages;
			cpu->last_ns = reader->last_ns;
		}
		if (cpu->cut && cpu->last_ns < *until_ns)
			*until_ns = cpu->last_ns;
	}
	return 0;
}

bool wq_stream_is_ready(const struct wq_stream *s)
{
	struct epoll_event ev;

	return epoll_wait(s->ready.fd, &ev, 1, 0) > 0;
}

void wq_stream_skip(struct wq_stream *s)
{
	for (int i = 0; i < s->reader->ncpus; i++)
		(void)cpu_read(s, i, NULL, NULL);
}

/* ---- what others left ---- */

/* The pid of the daemon in the name of INSTANCE, or 0. */
static pid_t owner_of(const char *instance, const struct wq_stream_type *types, size_t ntypes)
{
	for (size_t i = 0; i < ntypes; i++) {
		size_t n = strlen(types[i].prefix);
		char *end;
		long pid;

		if (strncmp(instance, types[i].prefix, n))
			continue;
		pid = strtol(instance + n, &end, 10);
		if (!*end && pid > 0)
			return (pid_t)pid;
	}
	return 0;
}

void wq_streams_clean(int tracefs, const struct wq_stream_type *types, size_t ntypes)
{
	int fd = openat(tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		pid_t pid = owner_of(e->d_name, types, ntypes);

		/* an instance with our own pid is older than this daemon */
		if (pid && (pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH)))
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

#endif
