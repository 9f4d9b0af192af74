/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The places in the kernel for which key_hooks.bpf.c has programs, and which of them to use on
 * a kernel with given types.
 */
#ifndef WQ_HOOK_PLACES_H
#define WQ_HOOK_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct btf;

enum {
	WQ_HOOK_ENTRY = 1u << 0,  /* there is a program for the function's entry */
	WQ_HOOK_RETURN = 1u << 1, /* there is one for its return */
	WQ_HOOK_TYPED = 1u << 2,  /* only for a trampoline */
};

struct wq_hook_place {
	const char *function;
	/* Its result and arguments, one letter each. v: void; k: struct key *; r: key_ref_t; p:
	 * another pointer; i: 4 bytes; l: 8 bytes; b: bool. */
	const char *type;
	unsigned int programs;
	/* Of successive places with the same choice the first that fits is used. NULL: this
	 * place is always used. */
	const char *choice;
};

/* The last entry has the function NULL. */
extern const struct wq_hook_place wq_hook_places[];

#define WQ_HOOK_PLACES_MAX 32

enum wq_hook_way {
	WQ_HOOK_UNUSED,
	WQ_HOOK_TRAMPOLINE, /* fentry, fexit */
	WQ_HOOK_PROBE,	    /* kprobe, kretprobe */
};

/* Sets WAYS[i] for each place i on a kernel whose types are in BTF. TRAMPOLINES: this kernel
 * has them; a place that does not fit one is probed. False: a necessary place is missing or has
 * other types; WHY says which. */
bool wq_hook_places_choose(const struct btf *btf, bool trampolines,
	enum wq_hook_way ways[WQ_HOOK_PLACES_MAX], char *why, size_t why_size);

#endif
