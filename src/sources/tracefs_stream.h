/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instances of tracefs: each has its own events and one raw buffer for each CPU. They are read
 * in turns, without waiting.
 */
#ifndef WQ_TRACEFS_STREAM_H
#define WQ_TRACEFS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct kbuffer;
struct tracefs_instance;

/* What all streams of a source share: the page buffer, and how far they have been read. */
struct wq_stream_reader {
	int ncpus;
	int pages;  /* the most that one CPU gives in a turn */
	void *page; /* the current page */
	size_t page_size;
	uint64_t until_ns; /* older events of all CPUs have been read */
	uint64_t last_ns;  /* the time of the last event in that page, which the decoder sets */
};

/* The raw buffer of one CPU. */
struct wq_stream_cpu {
	int fd;		  /* -1: there is no such CPU */
	bool cut;	  /* it had more than could be read in the turn */
	uint64_t last_ns; /* if cut: the time of the last event that was read */
};

/* A kind of stream. */
struct wq_stream_type {
	const char *prefix;  /* the instance's name without the daemon's pid, which ends it */
	const char *percent; /* how full a buffer is when it wakes us; "0": not empty */
};

/* By value in its owner. ready.fd is -1 while it is closed. */
struct wq_stream {
	struct wq_loop *loop;
	struct wq_stream_reader *reader;
	struct tracefs_instance *instance; /* NULL: closed */
	struct wq_stream_cpu *cpus;
	struct wq_loop_fd ready; /* an epoll of all its buffers */
	bool polled;
	/* The rest belongs to its owner. */
	void *owner;
	struct wq_timer again; /* when to poll it again, if it wakes us only now and then */
};

/* Removes the instances of the NTYPES TYPES in TRACEFS whose daemons have ended, or had our own
 * pid. */
void wq_streams_clean(int tracefs, const struct wq_stream_type *types, size_t ntypes);

/* Makes the instance and opens its buffers of BUFFER_KB each. No event is on yet. 0 or -errno;
 * in both cases the caller must call wq_stream_close(). */
int wq_stream_open(struct wq_stream *s, const struct wq_stream_type *type, struct wq_loop *loop,
	struct wq_stream_reader *reader, unsigned int buffer_kb);

/* Removes the instance. */
void wq_stream_close(struct wq_stream *s);

/* Makes the loop call s->ready while there is something to read. 0 or -errno. */
int wq_stream_poll(struct wq_stream *s);
void wq_stream_rest(struct wq_stream *s);

/* Has S anything to read? If it wakes us at a percentage: has it reached that? */
bool wq_stream_is_ready(const struct wq_stream *s);

/* Reads what each CPU has, or a part of it, and calls FN(ARG) for each page. If it reads only a
 * part, events are complete only up to the last one that was read of that CPU, and UNTIL_NS
 * goes back to that time. A CPU that is ahead of the others is not read until they have caught
 * up, so that little is kept. 0, or -errno. */
int wq_stream_read(struct wq_stream *s, void (*fn)(void *arg), void *arg, uint64_t *until_ns);

/* Reads and discards a turn's pages. */
void wq_stream_skip(struct wq_stream *s);

#endif
