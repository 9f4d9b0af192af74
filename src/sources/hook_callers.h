/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * Which threads are in a call on keys that was seen to begin. seccomp and ptrace() let any user
 * skip a call, and choose what it returns: then only its end is seen, and it means nothing.
 *
 * Most calls are about keys that nobody watches, and an element of a hash for each would cost
 * more than that.
 */
#ifndef WQ_HOOK_CALLERS_H
#define WQ_HOOK_CALLERS_H

#include "hook_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wq_hook_callers);
} callers SEC(".maps");

/* Where TID is noted. Another thread may be noted there. */
static __always_inline struct wq_hook_caller *place_of(__u32 tid)
{
	__u32 first = 0;
	struct wq_hook_callers *all = bpf_map_lookup_elem(&callers, &first);

	return all ? &all->callers[tid % WQ_HOOK_CALLERS] : NULL;
}

/* False: another thread has the place. */
static __always_inline bool note_caller(__u32 tid)
{
	struct wq_hook_caller *caller = place_of(tid);

	if (!caller || __sync_val_compare_and_swap(&caller->tid, 0, tid))
		return false;
	caller->begin_ns = bpf_ktime_get_ns();
	return true;
}

static __always_inline bool is_caller(const struct wq_hook_caller *caller, __u32 tid)
{
	return caller && caller->tid == tid;
}

#endif
