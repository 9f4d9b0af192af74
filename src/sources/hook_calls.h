/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs of key_calls.bpf.c need from the daemon, and give to it. */
#ifndef WQ_HOOK_CALLS_H
#define WQ_HOOK_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sources/hook_abi.h"

struct bpf_object;

/* Tells the programs of OBJECT, which are loaded, where the kernel's functions are, and which
 * arguments each operation has. False: WHY says what is missing. */
bool wq_hook_calls_prepare(
	struct bpf_object *object, struct wq_hook_state *state, char *why, size_t why_size);

/* Finds the address of the key SERIAL, by which the programs recognize its end. Must be called
 * by one thread only. 0, also if the key does not exist any more; or -errno: the programs
 * cannot be used. */
int wq_hook_calls_find(struct bpf_object *object, int32_t serial);

/* SERIAL is not watched any more: reverses wq_hook_calls_find(). */
void wq_hook_calls_forget(struct bpf_object *object, int32_t serial);

/* Are calls under way that began between FROM_NS and TO_NS (CLOCK_MONOTONIC)? Calls that by
 * their nature wait for others do not count. */
bool wq_hook_calls_under_way(struct bpf_object *object, uint64_t from_ns, uint64_t to_ns);

/* Forgets which threads are in calls. No program may be attached. */
void wq_hook_calls_forget_callers(struct bpf_object *object);

#endif
