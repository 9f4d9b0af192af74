/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct wq_hooks, for key_hooks.c, which loads the programs, and hook_reading.c,
 * which reads. */
#ifndef WQ_HOOK_SET_H
#define WQ_HOOK_SET_H

#include "base/clock.h"
#include "sources/hook_abi.h"
#include "sources/hook_places.h"
#include "sources/hook_reader.h"

struct bpf_link;
struct bpf_object;
struct ring_buffer;

#define LINKS_MAX (2 * WQ_HOOK_PLACES_MAX)

/* The end of a key that a tracepoint has reported. What came before it may still
 * be reported. */
struct held {
	struct wq_destroyed destroyed;
	uint64_t seen_ns; /* CLOCK_MONOTONIC */
};

#define HELD_MAX 64
#define HELD_NS	 (20 * WQ_NSEC_PER_MSEC) /* calls that take longer are not waited for */

struct wq_hooks {
	enum wq_hook_variant variant;
	enum wq_hook_way ways[WQ_HOOK_PLACES_MAX]; /* for each place of key_hooks.bpf.c */
	bool can_cast;				   /* the kernel has bpf_rdonly_cast() */
	struct bpf_object *object;
	struct bpf_link *links[LINKS_MAX];
	size_t n_links;
	struct ring_buffer *ring;
	int events, watched, losses; /* maps */
	struct wq_hook_state *state; /* shared with the kernel */
	/* Of the ring buffer, in the kernel's layout: how far each side is. */
	const unsigned long *consumed, *produced;
	uint64_t lost, not_noted; /* how many of those counted there were reported */
	uint64_t skips; /* how often the kernel has skipped programs, as was seen last */
	char name[16];

	/* during a read */
	const struct wq_hooks_reader *reader;
	struct held held[HELD_MAX];
	size_t n_held;
	uint64_t end_ns, last_ns;
	size_t n_read;
};

/* libbpf calls this for each entry of the ring buffer. ARG is the struct wq_hooks. */
int wq_hooks_on_sample(void *arg, void *data, size_t size);

#endif
