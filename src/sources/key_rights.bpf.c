// SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only
/*
 * Which rights possession gives a thread to a key. The kernel finds that out whenever a thread
 * names a key by its serial number (lookup_user_key()): it searches the keyrings of the thread,
 * and those of the process for which the thread constructs a key, for that key. This program
 * searches as search_process_keyrings_rcu() and what it calls do, and is run for one thread
 * when the daemon asks. It changes nothing.
 */
#include "hook_rights_types.h"

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "hook_rights.h"
#include "hook_trees.h"

/* Only programs with this licence may use bpf_probe_read_kernel(). */
char LICENSE[] SEC("license") = "GPL";

/* From <linux/key.h> of the kernel: bits of key->flags and rights in key->perm. */
#define KEY_FLAG_REVOKED     1
#define KEY_FLAG_INVALIDATED 5
#define RIGHT_SEARCH	     0x08u
#define ALL_RIGHTS	     0x3fu
#define POSSESSOR_SHIFT	     24
#define OWNER_SHIFT	     16
#define GROUP_SHIFT	     8

#define INDEX_CHUNKS	 4 /* of what the kernel sorts keys by: those that are one number each */
#define INDEX_CHUNK_BITS 64
#define INDEX_LEVEL_BITS 4 /* that choose a slot of a node */
#define INDEX_LEVELS	 (INDEX_CHUNKS * INDEX_CHUNK_BITS / INDEX_LEVEL_BITS)
#define GROUPS_STEPS	 17 /* of a search in two halves among as many groups as there can be */
/* Of all walks through keyrings in keyrings for one answer: half a millisecond. Each keyring
 * takes some 20, and is walked once for each way that leads to it. */
#define KEYRING_STEPS (1 << 15)

/* A function of its own, with numbers as arguments, which the verifier checks once and not on
 * each way that leads to it: those are more than it follows. */
#define PART __attribute__((noinline))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wq_hook_question);
} question SEC(".maps");

/* A search for one key with the credentials of one thread. */
struct search {
	__u64 key;
	__u64 index[INDEX_CHUNKS]; /* of the key */
	__u64 groups;		   /* struct group_info */
	__u32 fsuid, fsgid;
	__u32 is_found;
	__u32 left; /* of KEYRING_STEPS */
	__u32 depth;
	struct array_place at[8]; /* for each depth: where the walk is in that keyring */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct search);
} searches SEC(".maps");

static __always_inline struct search *get_search(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&searches, &first);
}

/* ---- rights: key_task_permission() ---- */

PART bool in_group(__u64 groups, __u32 fsgid, __u32 gid)
{
	struct group_info *info = (void *)groups;
	const __u64 first = groups + bpf_core_field_offset(struct group_info, gid);
	__u32 low = 0, high = info ? (__u32)BPF_CORE_READ(info, ngroups) : 0;

	if (gid == fsgid)
		return true;
	for (int i = 0; i < GROUPS_STEPS && low < high; i++) {
		__u32 middle = (low + high) / 2, at = 0;

		bpf_probe_read_kernel(&at, sizeof(at), (void *)(first + 4ull * middle));
		if (at == gid)
			return true;
		if (at < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The rights of the one class that the thread is in. Those of a possessor add to them. */
PART __u32 rights(__u64 address, bool is_possessed)
{
	const struct search *s = get_search();
	struct key___rights *key = (void *)address;
	__u32 perm, gid, shift = 0;

	if (!s)
		return 0;
	perm = BPF_CORE_READ(key, perm);
	gid = BPF_CORE_READ(key, gid.val);
	if (BPF_CORE_READ(key, uid.val) == s->fsuid)
		shift = OWNER_SHIFT;
	else if (gid != (__u32)-1 && perm & ALL_RIGHTS << GROUP_SHIFT &&
		 in_group(s->groups, s->fsgid, gid))
		shift = GROUP_SHIFT;
	if (is_possessed)
		perm = perm >> POSSESSOR_SHIFT | perm >> shift;
	else
		perm >>= shift;
	return perm & ALL_RIGHTS;
}

static __always_inline bool may_search(__u64 key)
{
	return rights(key, true) & RIGHT_SEARCH;
}

/* ---- one keyring: search_keyring() ---- */

static __always_inline bool node_has(__u64 node, __u64 key)
{
	for (__u32 i = 0; i < ARRAY_SLOTS; i++) {
		__u64 pointer = array_slot(node, i);

		if (!(pointer & ARRAY_META) && array_address(pointer) == key)
			return true;
	}
	return false;
}

struct descent {
	__u64 pointer; /* to a node or a shortcut */
	__u32 level;   /* in bits of the index */
	bool is_found;
};

/* One step of the way down to where the key would be. 1: it has ended. */
static long descend(__u32 i, struct descent *d)
{
	const struct search *s = get_search();
	const __u64 at = array_address(d->pointer);
	__u64 next;

	if (d->pointer & ARRAY_SHORTCUT) {
		struct assoc_array_shortcut *cut = (void *)at;
		struct assoc_array_shortcut___rights *more = (void *)at;

		d->level = (__u32)BPF_CORE_READ(more, skip_to_level);
		d->pointer = (__u64)BPF_CORE_READ(cut, next_node);
		return 0;
	}
	if (!s || !at || d->level >= INDEX_CHUNKS * INDEX_CHUNK_BITS)
		return 1;
	next = array_slot(at, s->index[(d->level / INDEX_CHUNK_BITS) & (INDEX_CHUNKS - 1)] >>
				      (d->level % INDEX_CHUNK_BITS));
	if (!(next & ARRAY_META)) {
		d->is_found = node_has(at, s->key);
		return 1;
	}
	d->level += INDEX_LEVEL_BITS;
	d->pointer = next;
	return 0;
}

PART bool keyring_has(__u64 ring)
{
	struct descent d = {.pointer = array_root((void *)ring)};

	/* shortcuts are steps, too */
	bpf_loop(2 * INDEX_LEVELS, descend, &d, 0);
	return d.is_found;
}

/* ---- keyrings in keyrings: search_nested_keyrings() ---- */

/* The kernel sorts keyrings under the first slot of the root, and nothing else. */

static __always_inline bool has_no_keyrings(__u64 root)
{
	struct assoc_array_shortcut___rights *cut = (void *)array_address(root);

	return !root ||
	       (root & ARRAY_SHORTCUT && BPF_CORE_READ(cut, index_key[0]) & (ARRAY_SLOTS - 1));
}

static __always_inline bool leads_to_keyrings(__u64 from, __u32 slot, __u64 next)
{
	struct assoc_array_node *node = (void *)from;

	return slot == 0 || next & ARRAY_SHORTCUT || BPF_CORE_READ(node, back_pointer);
}

/* Begins with a keyring at a depth. */
PART long enter_keyring(__u64 ring, __u32 depth)
{
	const unsigned long dead = 1ul << KEY_FLAG_REVOKED | 1ul << KEY_FLAG_INVALIDATED;
	struct search *s = get_search();
	struct array_place at = {};
	struct key___rights *key = (void *)ring;
	__u64 root;

	if (!s)
		return 1;
	s->depth = depth;
	if (!(BPF_CORE_READ(key, flags) & dead)) {
		s->is_found = keyring_has(ring);
		root = array_root((void *)ring);
		if (!has_no_keyrings(root))
			array_enter(&at, root);
	}
	s->at[depth & 7] = at;
	return s->is_found ? 1 : 0;
}

/* One step of the walk. 1: it has ended. */
static long walk_keyrings(__u32 i, void *unused)
{
	struct search *s = get_search();
	struct array_place *at;
	__u32 depth, slot;
	__u64 next;
	long ended;

	if (!s)
		return 1;
	depth = s->depth;
	at = &s->at[depth & 7];
	if (!at->node) { /* this keyring has been walked */
		s->depth = depth - 1;
		return depth == 0;
	}
	if (at->slot >= ARRAY_SLOTS) {
		array_leave(at);
		return 0;
	}
	slot = at->slot++;
	next = array_slot(at->node, slot);
	if (next & ARRAY_META) {
		if (leads_to_keyrings(at->node, slot, next))
			array_enter(at, next);
		return 0;
	}
	if (!(next & ARRAY_KEYRING))
		return 0;
	if (depth >= WQ_HOOK_SEARCH_DEPTH) {
		at->node = 0; /* the kernel gives up this keyring */
		return 0;
	}
	if (!may_search(array_address(next)))
		return 0;
	ended = enter_keyring(array_address(next), depth + 1);
	/* the verifier has to see that it is 0 or 1, which the compiler knows */
	barrier_var(ended);
	return ended ? 1 : 0;
}

/* keyring_search_rcu(): is the key RING, or in it? */
PART bool search_keyring(__u64 ring)
{
	struct search *s = get_search();
	long steps;

	if (!s || !ring || !may_search(ring))
		return false;
	if (ring == s->key) {
		s->is_found = true;
		return true;
	}
	if (!enter_keyring(ring, 0)) {
		steps = bpf_loop(s->left, walk_keyrings, NULL, 0);
		s->left -= (__u32)steps;
	}
	return s->is_found ? 1 : 0;
}

/* ---- the keyrings of a thread: search_cred_keyrings_rcu() ---- */

static __always_inline void act_as(struct search *s, const struct cred *cred)
{
	s->fsuid = BPF_CORE_READ(cred, fsuid.val);
	s->fsgid = BPF_CORE_READ(cred, fsgid.val);
	s->groups = (__u64)BPF_CORE_READ((struct cred___rights *)cred, group_info);
}

PART bool search_thread(__u64 address)
{
	const struct cred *cred = (const void *)address;
	struct search *s = get_search();
	__u64 session;

	if (!s)
		return false;
	act_as(s, cred);
	s->is_found = false;
	if (!may_search(s->key))
		return false;
	if (search_keyring((__u64)BPF_CORE_READ(cred, thread_keyring)) ||
		search_keyring((__u64)BPF_CORE_READ(cred, process_keyring)))
		return true;
	session = (__u64)BPF_CORE_READ(cred, session_keyring);
	return search_keyring(session ? session : (__u64)users_keyring(cred, true));
}

/* The credentials of the process for which the thread constructs a key. */
static __always_inline const struct cred *requestors_cred(const struct cred *cred)
{
	struct key *authority = BPF_CORE_READ(cred, request_key_auth);
	struct request_key_auth *auth;

	if (!authority)
		return NULL;
	auth = BPF_CORE_READ(authority, payload.data[0]);
	return auth ? BPF_CORE_READ((struct request_key_auth___rights *)auth, cred) : NULL;
}

/* Any key, which the tree of all keys can be searched from; NULL: the thread has no keyring,
 * and possesses nothing. */
static __always_inline struct key *any_key(const struct cred *cred)
{
	struct key *key = BPF_CORE_READ(cred, session_keyring);

	if (!key)
		key = BPF_CORE_READ(cred, process_keyring);
	if (!key)
		key = BPF_CORE_READ(cred, thread_keyring);
	if (!key)
		key = BPF_CORE_READ(cred, request_key_auth);
	return key ? key : BPF_CORE_READ(cred, user_ns, user_keyring_register);
}

/* Is KEY an authority to construct another one? Those are not searched for in the requestor's
 * name. */
static __always_inline bool is_authority(const struct key *key)
{
	char type[3] = "";

	bpf_probe_read_kernel(type, sizeof(type), BPF_CORE_READ(key, type, name));
	return type[0] == '.' && type[1] == 'r'; /* ".request_key_auth" */
}

SEC("iter/task") int key_rights(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 first = 0;
	struct wq_hook_question *q = bpf_map_lookup_elem(&question, &first);
	struct search *s = get_search();
	const struct cred *cred, *requestor;
	struct key *any, *key;
	bool is_possessed;

	if (!task || !q || !s)
		return 0;
	q->tasks++;
	cred = BPF_CORE_READ(task, cred);
	q->fsuid = BPF_CORE_READ(cred, fsuid.val);
	q->fsgid = BPF_CORE_READ(cred, fsgid.val);
	any = any_key(cred);
	if (!any) /* then one of the daemon's */
		any = any_key(bpf_get_current_task_btf()->cred);
	key = any ? key_by_serial(any, q->serial) : NULL;
	if (!key)
		return 0;
	q->is_found = true;
	s->key = (__u64)key;
	s->index[0] = BPF_CORE_READ((struct key___rights *)key, hash);
	s->index[1] = BPF_CORE_READ((struct key___rights *)key, len_desc);
	s->index[2] = (__u64)BPF_CORE_READ(key, type);
	s->index[3] = (__u64)BPF_CORE_READ((struct key___rights *)key, domain_tag);
	requestor = requestors_cred(cred);
	s->left = KEYRING_STEPS;
	is_possessed = search_thread((__u64)cred) ||
		       (requestor && !is_authority(key) && search_thread((__u64)requestor));
	q->is_long = !s->left;
	act_as(s, cred);
	q->rights = rights((__u64)key, is_possessed);
	return 0;
}
