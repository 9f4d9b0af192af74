/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct wq_hooks, for key_hooks.c, which loads, and hook_reading.c, which reads. */
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

/* The end of a key that was told by a tracepoint: what came before it is perhaps still to come.
 */
struct held {
	struct wq_destroyed destroyed;
	uint64_t seen_ns; /* CLOCK_MONOTONIC */
};

#define HELD_MAX 64
#define HELD_NS	 (20 * WQ_NSEC_PER_MSEC) /* calls that take longer are not waited for */

struct wq_hooks {
	enum wq_hook_variant variant;
	enum wq_hook_way ways[WQ_HOOK_PLACES_MAX]; /* of the places of key_hooks.bpf.c */
	struct bpf_object *object;
	struct bpf_link *links[LINKS_MAX];
	size_t n_links;
	struct ring_buffer *ring;
	int watched, losses;	     /* maps */
	struct wq_hook_state *state; /* in the kernel's memory, too */
	/* Of the ring buffer, as the kernel lays it out: how far each side is. */
	const unsigned long *consumed, *produced;
	uint64_t lost, homeless; /* of those that are counted there: those that were told */
	char name[16];

	/* of the reading that is going on */
	const struct wq_hooks_reader *reader;
	struct held held[HELD_MAX];
	size_t n_held;
	uint64_t end_ns, last_ns;
};

/* Called by libbpf for each entry of the ring buffer. ARG is the struct wq_hooks. */
int wq_hooks_on_sample(void *arg, void *data, size_t size);

#endif
