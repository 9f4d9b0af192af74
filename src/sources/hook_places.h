/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The places in the kernel at which key_hooks.bpf.c has programs, and which of them are to be
 * used on a kernel with these types.
 */
#ifndef WQ_HOOK_PLACES_H
#define WQ_HOOK_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct btf;

enum {
	WQ_HOOK_ENTRY = 1u << 0,  /* there is a program at the function's entry */
	WQ_HOOK_RETURN = 1u << 1, /* there is one at its return */
	WQ_HOOK_TYPED = 1u << 2,  /* as a trampoline's only */
};

struct wq_hook_place {
	const char *function;
	/* Its result and its arguments, a letter each. v: void; k: struct key *; r: key_ref_t;
	 * p: another pointer; i: 4 bytes; l: 8 bytes; b: bool. */
	const char *type;
	unsigned int programs;
	/* Of the places in a row that have the same one, the first that fits is used. NULL:
	 * this one is always used. */
	const char *choice;
};

/* Ends in a function that is NULL. */
extern const struct wq_hook_place wq_hook_places[];

#define WQ_HOOK_PLACES_MAX 32

enum wq_hook_way {
	WQ_HOOK_UNUSED,
	WQ_HOOK_TRAMPOLINE, /* fentry, fexit */
	WQ_HOOK_PROBE,	    /* kprobe, kretprobe */
};

/* Sets WAYS[i] for each place i, for the kernel whose types BTF has. TRAMPOLINES: they are
 * there; a place is probed if it does not fit one. False: a place that is needed is not there,
 * or is not as it should be; WHY says which. */
bool wq_hook_places_choose(const struct btf *btf, bool trampolines,
	enum wq_hook_way ways[WQ_HOOK_PLACES_MAX], char *why, size_t why_size);

#endif
