/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The variants of hooks, and who is told what they tell. */
#ifndef WQ_HOOK_READER_H
#define WQ_HOOK_READER_H

#include "sources/event.h"

/* How they are attached. */
enum wq_hook_variant {
	WQ_HOOKS_FENTRY, /* key_hooks.bpf.c, by trampolines; by a probe where none fits */
	WQ_HOOKS_KPROBE, /* the same, by probes */
	WQ_HOOKS_CALLS,	 /* key_calls.bpf.c, at tracepoints, while anything is watched */
};

/* Who is told what was read. */
struct wq_hooks_reader {
	void *arg;
	void (*change)(void *arg, const struct wq_change *change);
	void (*destroyed)(void *arg, const struct wq_destroyed *destroyed);
	/* Events of a key, or if its serial is 0 of any, were lost. */
	void (*lost)(void *arg, const struct wq_key_lost *lost);
};

#endif
