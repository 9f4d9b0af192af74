/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads the programs of key_hooks.bpf.c and key_calls.bpf.c into the kernel, attaches them, and
 * reads what they report. All of it ends with the process that has loaded them, however that
 * ends.
 */
#ifndef WQ_KEY_HOOKS_H
#define WQ_KEY_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sources/hook_reader.h"

struct wq_hooks;

/* Does the kernel allow any programs? False: WHY has the reason. */
bool wq_hooks_are_allowed(char *why, size_t why_size);

/* Loads and attaches the programs. NULL: this kernel does not allow it, or differs from what
 * they expect; WHY has the reason. Takes some hundred milliseconds, and needs CAP_BPF and
 * CAP_PERFMON, or CAP_SYS_ADMIN. */
struct wq_hooks *wq_hooks_open(enum wq_hook_variant variant, char *why, size_t why_size);
void wq_hooks_close(struct wq_hooks *hooks);

/* The name that stat, doctor and the log show: "fentry", "fentry+kprobe",
 * "kprobe", "syscalls". */
const char *wq_hooks_name(const struct wq_hooks *hooks);

/* A descriptor that polls readable when there is something to read. */
int wq_hooks_fd(const struct wq_hooks *hooks);

/* Reports SERIAL from now on; the programs are attached. 0; -ENOSPC: WQ_HOOK_WATCHED keys are
 * reported already; -ENOMEM; any other error: the hooks cannot be used any more. To be called
 * by one thread only. */
int wq_hooks_watch(struct wq_hooks *hooks, int32_t serial);
/* Reports SERIAL no longer. Its destruction does the same. */
void wq_hooks_unwatch(struct wq_hooks *hooks, int32_t serial);

/* Is any key watched? */
bool wq_hooks_are_on(const struct wq_hooks *hooks);

/* Detaches all programs, while no key is watched, and attaches them again: 0 or -errno. They
 * need the capabilities of wq_hooks_open(), and may take many milliseconds; other threads may
 * read meanwhile, but watch nothing and not ask for what was skipped. */
void wq_hooks_detach(struct wq_hooks *hooks);
int wq_hooks_attach(struct wq_hooks *hooks);

/* Reads what there is, or as much as END_NS (CLOCK_MONOTONIC) allows. Sets *UNTIL_NS to the
 * time up to which nothing is missing: now, or the time of the last event. 0 or -errno. */
int wq_hooks_read(struct wq_hooks *hooks, const struct wq_hooks_reader *reader, uint64_t end_ns,
	uint64_t *until_ns);

/* How many entries of the ring buffer the last read has read. */
size_t wq_hooks_n_read(const struct wq_hooks *hooks);

/* Has the kernel skipped programs since the last call? Then anything may be missing. */
bool wq_hooks_have_skipped(struct wq_hooks *hooks);

#endif
