/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * Which threads are in add_key(). It is called often, mostly for keys that nobody watches, and
 * which key it returns is not known when it begins, so that each call has to be noted. An
 * element of a hash for each would cost as much as all else that the programs do.
 */
#ifndef WQ_HOOK_ADDING_H
#define WQ_HOOK_ADDING_H

#include "hook_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wq_hook_adding);
} adding SEC(".maps");

/* Where TID is noted while it adds a key. Another thread may be noted there. */
static __always_inline struct wq_hook_adder *place_of(__u32 tid)
{
	__u32 first = 0;
	struct wq_hook_adding *all = bpf_map_lookup_elem(&adding, &first);

	return all ? &all->adders[tid % WQ_HOOK_ADDERS] : NULL;
}

/* False: another thread has the place. Two that take it at the same moment are both told that
 * they have it; the one that does not find itself there at its end is treated as one that was
 * not seen to begin. */
static __always_inline bool note_adder(__u32 tid)
{
	struct wq_hook_adder *adder = place_of(tid);

	if (!adder || (adder->tid && adder->tid != tid))
		return false;
	adder->begin_ns = bpf_ktime_get_ns();
	adder->tid = tid;
	return true;
}

static __always_inline bool is_adder(const struct wq_hook_adder *adder, __u32 tid)
{
	return adder && adder->tid == tid;
}

#endif
