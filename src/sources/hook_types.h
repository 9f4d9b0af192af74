/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * The kernel's types, as far as the programs need them. libbpf adjusts each access to the place
 * of the member in the running kernel's BTF, so that a struct here needs neither all members
 * nor their order.
 */
#ifndef WQ_HOOK_TYPES_H
#define WQ_HOOK_TYPES_H

/* Tells <bpf/bpf_tracing.h> that these are the kernel's internal types. */
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* From <linux/bpf.h>, which cannot be included together with these types. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
	BPF_F_NO_PREALLOC = 1u << 0,
	BPF_F_MMAPABLE = 1u << 10,
};
enum { BPF_RB_AVAIL_DATA = 0 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1u << 0 };

/* From <linux/watch_queue.h>. */
enum {
	NOTIFY_KEY_INSTANTIATED = 0,
	NOTIFY_KEY_UPDATED = 1,
	NOTIFY_KEY_LINKED = 2,
	NOTIFY_KEY_UNLINKED = 3,
	NOTIFY_KEY_CLEARED = 4,
	NOTIFY_KEY_REVOKED = 5,
	NOTIFY_KEY_INVALIDATED = 6,
	NOTIFY_KEY_SETATTR = 7,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
typedef struct {
	__u32 val;
} kuid_t;
typedef struct {
	__u32 val;
} kgid_t;
struct assoc_array_ptr;
struct assoc_array {
	struct assoc_array_ptr *root;
};
struct assoc_array_node {
	struct assoc_array_ptr *back_pointer;
	__u8 parent_slot;
	struct assoc_array_ptr *slots[16];
};
struct assoc_array_shortcut {
	struct assoc_array_ptr *back_pointer;
	int parent_slot;
	struct assoc_array_ptr *next_node;
};
struct rb_node {
	/* The parent's address; its lowest bit is the colour. */
	unsigned long __rb_parent_color;
	struct rb_node *rb_right, *rb_left;
};
union key_payload {
	void *data[4];
};
struct key_type {
	const char *name;
};
struct key {
	__s32 serial;
	struct key_type *type;
	struct rb_node serial_node;
	kuid_t uid;
	char *description;
	union key_payload payload;
	struct assoc_array keys;
};
struct request_key_auth { /* the authority to instantiate a key */
	struct key *dest_keyring;
};
struct user_struct {
	kuid_t uid;
};
struct user_namespace {
	struct key *user_keyring_register;
};
struct cred {
	kuid_t fsuid;
	kgid_t fsgid;
	unsigned char jit_keyring;
	struct key *session_keyring, *process_keyring, *thread_keyring, *request_key_auth;
	struct user_struct *user;
	struct user_namespace *user_ns;
};
struct thread_info {
#if defined(__TARGET_ARCH_x86)
	__u32 status;
#elif defined(__TARGET_ARCH_arm64)
	unsigned long flags;
#endif
};
struct task_struct {
	struct thread_info thread_info;
	__s32 pid, tgid;
	const struct cred *cred;
};
#pragma clang attribute pop

/* The registers that hold arguments and results, as programs see them: not moved by BTF. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31], sp, pc, pstate, orig_x0;
	__s32 syscallno;
};
struct user_pt_regs { /* the name that <bpf/bpf_tracing.h> knows */
	__u64 regs[31], sp, pc, pstate;
};
#else
#error "the programs know the system calls of x86_64 and arm64 only"
#endif

#endif
