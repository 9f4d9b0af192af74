/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * What all programs for the kernel share: the maps by which the daemon says what is watched and
 * gets what is reported.
 */
#ifndef WQ_HOOK_MAPS_H
#define WQ_HOOK_MAPS_H

#include "hook_types.h"

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "hook_event.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WQ_HOOK_RING);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WQ_HOOK_WATCHED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct wq_hook_watch);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 12);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct wq_hook_loss);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wq_hook_state);
} state SEC(".maps");

static __always_inline struct wq_hook_state *get_state(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&state, &first);
}

/* If nobody watches anything there is nothing to do. */
static __always_inline bool is_on(void)
{
	const struct wq_hook_state *s = get_state();

	return s && s->is_on;
}

static __always_inline __u32 this_thread(void)
{
	return (__u32)bpf_get_current_pid_tgid();
}

/* False: there is no room for another key, or another processor has just made room for this
 * one.
 */
static __always_inline bool count_of_key(__s32 serial)
{
	struct wq_hook_loss loss = {.events = 1}, *of_key;

	of_key = bpf_map_lookup_elem(&losses, &serial);
	if (of_key) {
		__sync_fetch_and_add(&of_key->events, 1);
		return true;
	}
	loss.at_ns = bpf_ktime_get_ns();
	return !bpf_map_update_elem(&losses, &serial, &loss, BPF_NOEXIST);
}

/* Counts the loss first for the key, then for all. The daemon looks for the keys of all losses,
 * and treats a loss without a key as one of any key. */
static __always_inline void count_lost(__s32 serial)
{
	struct wq_hook_state *s = get_state();

	if (!count_of_key(serial))
		count_of_key(serial);
	if (s)
		__sync_fetch_and_add(&s->lost, 1);
}

/* Is nothing left but the reserve? The kernel reads where the reader is, and then where the
 * writers are. A virtual CPU that is taken away between the two counts what others have written
 * meanwhile, read or not: hence two questions. */
static __always_inline bool is_crowded(void)
{
	const __u64 most = WQ_HOOK_RING - WQ_HOOK_RESERVE;

	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > most &&
	       bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > most;
}

/* May another event of the key that WATCH is about go into the ring buffer? Counts it. */
static __always_inline bool has_room(struct wq_hook_watch *watch)
{
	const struct wq_hook_state *s = get_state();

	if (s && watch->epoch != s->epoch) {
		watch->epoch = s->epoch;
		watch->events = 0;
	}
	watch->events++;
	return watch->events <= WQ_HOOK_SHARE || !is_crowded();
}

static __always_inline void say_who(struct wq_hook_who *who)
{
	struct task_struct *task = bpf_get_current_task_btf();

	who->pid = (__u32)task->tgid;
	who->tid = (__u32)task->pid;
	who->uid = task->cred->fsuid.val;
	who->gid = task->cred->fsgid.val;
	bpf_get_current_comm(who->comm, sizeof(who->comm));
}

/* The kernel's notify_key(). */
static __always_inline void report(__u8 what, __s32 serial, __u32 aux)
{
	struct wq_hook_watch *watch = bpf_map_lookup_elem(&watched, &serial);
	struct wq_hook_event *event = NULL;
	struct wq_hook_who who;

	if (!watch)
		return;
	/* an event that is not finished holds up all after it, which fill the buffer meanwhile
	 */
	say_who(&who);
	if (has_room(watch))
		event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_lost(serial);
		return;
	}
	event->at_ns = bpf_ktime_get_ns();
	event->what = what;
	event->serial = serial;
	event->aux = aux;
	event->who = who;
	bpf_ringbuf_submit(event, 0);
	if (what == WQ_HOOK_DESTROYED) /* another key will get the number */
		bpf_map_delete_elem(&watched, &serial);
}

#endif
