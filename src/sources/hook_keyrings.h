/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * Which keyrings a thread means by the special ones (KEY_SPEC_...), and where request_key()
 * links what it makes, read from the thread's credentials.
 */
#ifndef WQ_HOOK_KEYRINGS_H
#define WQ_HOOK_KEYRINGS_H

#include "hook_types.h"

static __always_inline __s32 serial_of(const struct key *key)
{
	return key ? BPF_CORE_READ(key, serial) : 0;
}

/* Where a thread's keyrings of users are registered: a tree of assoc_array. The lowest bit of a
 * pointer in it is 1 if it points to a node or, with bit 2, to a shortcut; otherwise it points
 * to a key, with bit 2 to a keyring. */
#define ARRAY_META     1ul
#define ARRAY_SHORTCUT 2ul
#define ARRAY_SLOTS    16
#define ARRAY_STEPS    1024 /* of a search, so that it ends whatever it finds */

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

struct walk {
	__u64 node;
	__u32 slot;
	__u32 uid;
	bool of_session;
	__s32 found;
};

/* One step of the search: into, along or out of a node. 1: it has ended. */
static long walk_step(__u32 index, struct walk *w)
{
	struct assoc_array_node *node = (void *)w->node;
	__u64 next = 0;

	if (w->slot >= ARRAY_SLOTS) {
		__u64 up = (__u64)BPF_CORE_READ(node, back_pointer);

		w->slot = BPF_CORE_READ(node, parent_slot) + 1u;
		if (up & ARRAY_SHORTCUT) {
			struct assoc_array_shortcut *cut = (void *)(up & ~3ul);

			up = (__u64)BPF_CORE_READ(cut, back_pointer);
			w->slot = (__u32)BPF_CORE_READ(cut, parent_slot) + 1u;
		}
		w->node = up & ~3ul;
		return !w->node;
	}
	bpf_probe_read_kernel(&next, sizeof(next), (void *)(__u64)&node->slots[w->slot & 15]);
	w->slot++;
	if (next & ARRAY_META) {
		w->node = next & ~3ul;
		w->slot = 0;
		if (next & ARRAY_SHORTCUT) {
			struct assoc_array_shortcut *cut = (void *)(next & ~3ul);

			w->node = (__u64)BPF_CORE_READ(cut, next_node) & ~3ul;
		}
	} else if (next & ~3ul && is_users((void *)(next & ~3ul), w->uid, w->of_session)) {
		w->found = serial_of((void *)(next & ~3ul));
		return 1;
	}
	return 0;
}

static __noinline __s32 users_keyring(const struct cred *cred, bool of_session)
{
	struct key *registry = BPF_CORE_READ(cred, user_ns, user_keyring_register);
	struct walk w = {.uid = BPF_CORE_READ(cred, user, uid.val), .of_session = of_session};
	struct assoc_array_shortcut *cut;
	__u64 root;

	if (!registry)
		return 0;
	root = (__u64)BPF_CORE_READ(registry, keys.root);
	cut = (void *)(root & ~3ul);
	if (root & ARRAY_SHORTCUT)
		root = (__u64)BPF_CORE_READ(cut, next_node);
	w.node = root & ~3ul;
	if (!w.node)
		return 0;
	bpf_loop(ARRAY_STEPS, walk_step, &w, 0);
	return w.found;
}

/* The keyring of the process that asked for the key for which this thread has the authority. */
static __always_inline __s32 requestors_keyring(const struct cred *cred)
{
	struct key *authority = BPF_CORE_READ(cred, request_key_auth);
	struct request_key_auth *auth;

	if (!authority)
		return 0;
	auth = BPF_CORE_READ(authority, payload.data[0]);
	return auth ? serial_of(BPF_CORE_READ(auth, dest_keyring)) : 0;
}

/* The serial of the keyring that ID, KEY_SPEC_* of <linux/keyctl.h>, stands for; 0: there is
 * none. */
static __noinline __s32 resolve(const struct cred *cred, __s32 id)
{
	switch (id) {
	case -1:
		return serial_of(BPF_CORE_READ(cred, thread_keyring));
	case -2:
		return serial_of(BPF_CORE_READ(cred, process_keyring));
	case -3: {
		struct key *session = BPF_CORE_READ(cred, session_keyring);

		return session ? serial_of(session) : users_keyring(cred, true);
	}
	case -4:
		return users_keyring(cred, false);
	case -5:
		return users_keyring(cred, true);
	case -7:
		return serial_of(BPF_CORE_READ(cred, request_key_auth));
	case -8:
		return requestors_keyring(cred);
	default:
		return 0;
	}
}

/* Where request_key() links a key that it makes, without a destination:
 * construct_get_dest_keyring(), with KEY_REQKEY_DEFL_* of <linux/keyctl.h>. */
static __always_inline __s32 default_keyring(const struct cred *cred)
{
	__s32 ring = 0;

	switch (BPF_CORE_READ(cred, jit_keyring)) {
	case 0:
	case 7:
		ring = requestors_keyring(cred);
		if (ring)
			return ring;
		/* fall through */
	case 1:
		ring = resolve(cred, -1);
		if (ring)
			return ring;
		/* fall through */
	case 2:
		ring = resolve(cred, -2);
		if (ring)
			return ring;
		/* fall through */
	case 3:
		return resolve(cred, -3);
	case 4:
		return resolve(cred, -4);
	case 5:
		return resolve(cred, -5);
	default:
		return 0;
	}
}

#endif
