/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instances of tracefs: each has its own events and a raw buffer for each CPU, which are read
 * in turns without waiting.
 */
#ifndef WQ_TRACEFS_STREAM_H
#define WQ_TRACEFS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct kbuffer;
struct tracefs_instance;

/* What all streams of a source share: where they are read to, and how far that is. */
struct wq_stream_reader {
	int ncpus;
	int pages;  /* of one CPU that are read in a turn */
	void *page; /* the one that is being read */
	size_t page_size;
	uint64_t until_ns; /* what is older has been read of all CPUs */
	uint64_t last_ns;  /* of the page that was read last: whoever decodes it sets it */
};

/* The raw buffer of one CPU. */
struct wq_stream_cpu {
	int fd;		  /* -1: a CPU that is not there */
	bool cut;	  /* there was more than the turn allowed to read */
	uint64_t last_ns; /* then: of the last event that was read */
};

/* A kind of stream. */
struct wq_stream_type {
	const char *prefix;  /* of the instance's name, which the daemon's pid ends */
	const char *percent; /* how full a buffer is when it wakes us; "0": not empty */
};

/* By value in its owner; ready.fd is -1 while it is not open. */
struct wq_stream {
	struct wq_loop *loop;
	struct wq_stream_reader *reader;
	struct tracefs_instance *instance; /* NULL: not open */
	struct wq_stream_cpu *cpus;
	struct wq_loop_fd ready; /* an epoll of them all */
	bool polled;
	/* its owner's: */
	void *owner;
	struct wq_timer again; /* when it is polled again, where it wakes us now and then */
};

/* Removes the instances of NTYPES TYPES that daemons left in TRACEFS who are not there any
 * more, or had our number. */
void wq_streams_clean(int tracefs, const struct wq_stream_type *types, size_t ntypes);

/* Makes the instance and opens its buffers of BUFFER_KB each; no event is on yet. 0 or -errno;
 * then, too, wq_stream_close() is called. */
int wq_stream_open(struct wq_stream *s, const struct wq_stream_type *type, struct wq_loop *loop,
	struct wq_stream_reader *reader, unsigned int buffer_kb);

/* Removes the instance. */
void wq_stream_close(struct wq_stream *s);

/* Has s->ready called when there is something, or no longer. 0 or -errno. */
int wq_stream_poll(struct wq_stream *s);
void wq_stream_rest(struct wq_stream *s);

/* Has S anything to read, or enough if it wakes us at a percentage only? */
bool wq_stream_is_ready(const struct wq_stream *s);

/* Reads what each CPU has, or a part of it, and calls FN(ARG) for each page: then only what is
 * as old as the last that was read of that CPU is complete, and UNTIL_NS goes back to it. A CPU
 * of which we have more than the others have given so far waits for them, so that what is kept
 * stays little. 0, or -errno. */
int wq_stream_read(struct wq_stream *s, void (*fn)(void *arg), void *arg, uint64_t *until_ns);

/* Reads a turn's pages and throws them away. */
void wq_stream_skip(struct wq_stream *s);

#endif
