/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * The kernel's trees of keys: the members of a keyring, among them the keyrings of users in
 * their registry, and all keys by their serial numbers.
 */
#ifndef WQ_HOOK_TREES_H
#define WQ_HOOK_TREES_H

#include "hook_types.h"

/* ---- the members of a keyring ---- */

/* They are in an assoc_array: a tree whose nodes have slots. The lowest bit of a pointer in it
 * is 1 if it points to a node or, with bit 2, to a shortcut; otherwise it points to a key, with
 * bit 2 to a keyring. */
#define ARRAY_META     1ul
#define ARRAY_SHORTCUT 2ul
#define ARRAY_KEYRING  2ul
#define ARRAY_SLOTS    16

static __always_inline __u64 array_address(__u64 pointer)
{
	return pointer & ~3ul;
}

/* A slot of a node; node 0: the walk has ended. */
struct array_place {
	__u64 node;
	__u32 slot;
};

/* To the first slot of what POINTER, to a node or a shortcut, leads to. */
static __always_inline void array_enter(struct array_place *p, __u64 pointer)
{
	p->node = array_address(pointer);
	p->slot = 0;
	if (pointer & ARRAY_SHORTCUT) {
		struct assoc_array_shortcut *cut = (void *)p->node;

		p->node = array_address((__u64)BPF_CORE_READ(cut, next_node));
	}
}

/* From a node to the slot that follows the one it hangs from. */
static __always_inline void array_leave(struct array_place *p)
{
	struct assoc_array_node *node = (void *)p->node;
	__u64 up = (__u64)BPF_CORE_READ(node, back_pointer);

	p->slot = BPF_CORE_READ(node, parent_slot) + 1u;
	if (up & ARRAY_SHORTCUT) {
		struct assoc_array_shortcut *cut = (void *)array_address(up);

		up = (__u64)BPF_CORE_READ(cut, back_pointer);
		p->slot = (__u32)BPF_CORE_READ(cut, parent_slot) + 1u;
	}
	p->node = array_address(up);
}

static __always_inline __u64 array_slot(__u64 node, __u32 slot)
{
	struct assoc_array_node *at = (void *)node;
	__u64 pointer = 0;

	bpf_probe_read_kernel(
		&pointer, sizeof(pointer), (void *)(__u64)&at->slots[slot & (ARRAY_SLOTS - 1)]);
	return pointer;
}

static __always_inline __u64 array_root(const struct key *ring)
{
	return (__u64)BPF_CORE_READ(ring, keys.root);
}

/* ---- the keyrings of users ---- */

#define REGISTRY_STEPS 1024 /* of a search, so that it ends whatever it finds */

/* Is KEY the user keyring or the user session keyring of UID? The kernel names them "_uid.N"
 * and "_uid_ses.N". */
static __always_inline bool is_users(const struct key *key, __u32 uid, bool of_session)
{
	char name[6] = "";

	if (BPF_CORE_READ(key, uid.val) != uid)
		return false;
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(key, description));
	return name[4] == (of_session ? '_' : '.');
}

struct registry_walk {
	struct array_place at;
	__u32 uid;
	bool of_session;
	struct key *found;
};

/* One step of the search: into, along or out of a node. 1: it has ended. */
static long registry_step(__u32 index, struct registry_walk *w)
{
	struct key *key;
	__u64 next;

	if (w->at.slot >= ARRAY_SLOTS) {
		array_leave(&w->at);
		return !w->at.node;
	}
	next = array_slot(w->at.node, w->at.slot++);
	if (next & ARRAY_META) {
		array_enter(&w->at, next);
		return 0;
	}
	key = (void *)array_address(next);
	if (!key || !is_users(key, w->uid, w->of_session))
		return 0;
	w->found = key;
	return 1;
}

static __noinline struct key *users_keyring(const struct cred *cred, bool of_session)
{
	struct key *registry = BPF_CORE_READ(cred, user_ns, user_keyring_register);
	struct registry_walk w = {
		.uid = BPF_CORE_READ(cred, user, uid.val), .of_session = of_session};
	__u64 root = registry ? array_root(registry) : 0;

	if (!root)
		return NULL;
	array_enter(&w.at, root);
	bpf_loop(REGISTRY_STEPS, registry_step, &w, 0);
	return w.found;
}

/* ---- all keys by their serial numbers ---- */

#define SERIALS_LEVELS 64 /* the tree cannot have more */

/* The key SERIAL. The search goes from ANY key up to the root, and down to the wanted one. The
 * tree is not locked, so that a search may fail while it changes, and is to be repeated. */
static __always_inline struct key *key_by_serial(const struct key *any, __s32 wanted)
{
	const __u64 offset = bpf_core_field_offset(struct key, serial_node);
	__u64 node = (__u64)any + offset, up;

	for (int i = 0; i < SERIALS_LEVELS; i++) {
		struct rb_node *at = (void *)node;

		up = BPF_CORE_READ(at, __rb_parent_color) & ~3ul;
		if (!up)
			break;
		node = up;
	}
	for (int i = 0; node && i < SERIALS_LEVELS; i++) {
		struct rb_node *at = (void *)node;
		struct key *key = (void *)(node - offset);
		__s32 serial = BPF_CORE_READ(key, serial);

		if (serial == wanted)
			return key;
		node = (__u64)(wanted < serial ? BPF_CORE_READ(at, rb_left)
					       : BPF_CORE_READ(at, rb_right));
	}
	return NULL;
}

#endif
