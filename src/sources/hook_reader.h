/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The variants of hooks, and the callbacks for what they report. */
#ifndef WQ_HOOK_READER_H
#define WQ_HOOK_READER_H

#include "sources/event.h"

/* How they are attached. */
enum wq_hook_variant {
	WQ_HOOKS_FENTRY, /* key_hooks.bpf.c, by trampolines, or by a probe where none fits */
	WQ_HOOKS_KPROBE, /* key_hooks.bpf.c, by probes */
	WQ_HOOKS_CALLS,	 /* key_calls.bpf.c, at tracepoints, until nothing is watched */
};

/* The callbacks for what was read. */
struct wq_hooks_reader {
	void *arg;
	void (*change)(void *arg, const struct wq_change *change);
	void (*destroyed)(void *arg, const struct wq_destroyed *destroyed);
	/* Events of a key were lost, or of unknown keys if the serial is 0. */
	void (*lost)(void *arg, const struct wq_key_lost *lost);
};

#endif
