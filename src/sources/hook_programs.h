/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * What the programs of key_hooks.bpf.c share: the state of a thread's operation, and macros
 * that declare a program for a place.
 */
#ifndef WQ_HOOK_PROGRAMS_H
#define WQ_HOOK_PROGRAMS_H

#include "hook_maps.h"

/* The state of a thread's operation: serials, or 0. */
struct doing {
	__u32 depth; /* operations within operations */
	__s32 move_key, move_from;
	__s32 unlink_key, unlink_from;
	__s32 clear;
	__s32 revoke;
	__s32 invalidate;
	__s32 instantiate, authkey; /* the key, and the authority for it */
	/* The error that the key will return, as a number below 0; or 0. */
	__u32 reject;
	__s32 update;
	__s32 restrict_ring;
	__s32 linked; /* the last key that was linked anywhere */
	/* The last key that was looked up, if its attributes are to be changed. */
	__s32 looked;
	__u32 is_attr;
};

/* By thread. Its memory is allocated at the start: task storage, which would be the right
 * place, can fail at any moment. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 13);
	__type(key, __u32);
	__type(value, struct doing);
} threads SEC(".maps");

/* The state of this thread. NULL: it is in no operation. */
static __always_inline struct doing *doing(void)
{
	__u32 tid = this_thread();

	return is_on() ? bpf_map_lookup_elem(&threads, &tid) : NULL;
}

/* The same at the beginning of an operation, whose end must call end(). NULL: nobody watches
 * anything, or there are too many operations, which is counted. */
static __always_inline struct doing *begin(void)
{
	struct wq_hook_state *s = get_state();
	static const struct doing nothing;
	__u32 tid = this_thread();
	struct doing *d;

	if (!s || !s->is_on)
		return NULL;
	d = bpf_map_lookup_elem(&threads, &tid);
	if (!d) {
		bpf_map_update_elem(&threads, &tid, &nothing, BPF_NOEXIST);
		d = bpf_map_lookup_elem(&threads, &tid);
	}
	if (d)
		d->depth++;
	else
		__sync_fetch_and_add(&s->not_noted, 1);
	return d;
}

/* An operation of this thread has returned. */
static __always_inline void end(struct doing *d)
{
	__u32 tid = this_thread();

	if (--d->depth == 0)
		bpf_map_delete_elem(&threads, &tid);
}

/* The state of the operation that returns now, even if nobody watches anything any more. */
static __always_inline struct doing *ending(void)
{
	__u32 tid = this_thread();

	return bpf_map_lookup_elem(&threads, &tid);
}

static __always_inline __s32 serial_of(const void *key)
{
	return key ? BPF_CORE_READ((const struct key *)key, serial) : 0;
}

/* A key_ref_t is the address of a key with possession in its lowest bit, or an error. Its type
 * has no definition, so that programs get it as a number. */
static __always_inline __u64 key_of_ref(__u64 ref)
{
	return ref >= (__u64)-4095 ? 0 : ref & ~1ull;
}

static __always_inline __s32 ref_serial(__u64 ref)
{
	return serial_of((const void *)key_of_ref(ref));
}

/* The kernel's function that makes a number an address of a type (Linux 6.2). What it returns
 * can be read directly, which a locked-down kernel permits. */
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

static __always_inline __s32 cast_ref_serial(__u64 ref)
{
	const struct key *key = (const void *)key_of_ref(ref);

	if (!key)
		return 0;
	key = bpf_rdonly_cast(key, bpf_core_type_id_kernel(struct key));
	return key->serial;
}

/* Declares a program at the entry of FN, whose arguments follow, that runs BODY with the
 * serials of these. TYPED and RAW are the arguments of BODY: where the program has typed
 * arguments, whose members it can read directly, and where it has addresses. */
#define AT_ENTRY(fn, args, body, typed, raw)                         \
	SEC("?fentry/" #fn) int BPF_PROG(fentry_##fn, UNPACK args)   \
	{                                                            \
		body typed;                                          \
		return 0;                                            \
	}                                                            \
	SEC("?kprobe/" #fn) int BPF_KPROBE(kprobe_##fn, UNPACK args) \
	{                                                            \
		body raw;                                            \
		return 0;                                            \
	}

#define UNPACK(...) __VA_ARGS__

/* Declares programs at the return of FN that run BODY with its result. */
#define AT_RETURN(fn, body)                                                            \
	SEC("?fexit/" #fn) int fexit_##fn(void *ctx)                                   \
	{                                                                              \
		__u64 result = 0;                                                      \
                                                                                       \
		bpf_get_func_ret(ctx, &result);                                        \
		body(result);                                                          \
		return 0;                                                              \
	}                                                                              \
	SEC("?kretprobe/" #fn) int BPF_KRETPROBE(kretprobe_##fn, unsigned long result) \
	{                                                                              \
		body(result);                                                          \
		return 0;                                                              \
	}

/* The same for functions whose first argument, or result, is a key_ref_t: BODY gets the serial.
 * The daemon loads the programs whose names begin with "cast_" where the kernel can do that. */
#define REF_PROGRAM(section, name, get, serial, body) \
	SEC("?" section) int name(void *ctx)          \
	{                                             \
		__u64 ref = 0;                        \
                                                      \
		get;                                  \
		body(serial(ref));                    \
		return 0;                             \
	}
#define AT_ENTRY_WITH_REF(fn, body)                                                           \
	REF_PROGRAM(                                                                          \
		"fentry/" #fn, fentry_##fn, bpf_get_func_arg(ctx, 0, &ref), ref_serial, body) \
	REF_PROGRAM("fentry/" #fn, cast_fentry_##fn, bpf_get_func_arg(ctx, 0, &ref),          \
		cast_ref_serial, body)                                                        \
	SEC("?kprobe/" #fn) int BPF_KPROBE(kprobe_##fn, unsigned long ref)                    \
	{                                                                                     \
		body(ref_serial(ref));                                                        \
		return 0;                                                                     \
	}
#define AT_RETURN_OF_REF(fn, body)                                                           \
	REF_PROGRAM("fexit/" #fn, fexit_##fn, bpf_get_func_ret(ctx, &ref), ref_serial, body) \
	REF_PROGRAM("fexit/" #fn, cast_fexit_##fn, bpf_get_func_ret(ctx, &ref),              \
		cast_ref_serial, body)                                                       \
	SEC("?kretprobe/" #fn) int BPF_KRETPROBE(kretprobe_##fn, unsigned long ref)          \
	{                                                                                    \
		body(ref_serial(ref));                                                       \
		return 0;                                                                    \
	}

#endif
