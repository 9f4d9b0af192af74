// SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only
/*
 * Programs at the tracepoints of system calls, for a kernel whose functions cannot be hooked.
 * For each successful call on a watched key they report its arguments, with special keyrings
 * resolved to serials, the process that made it, and whether add_key() made a key. The daemon
 * knows what such a call changes. The slab's tracepoints report keys that are made and
 * destroyed.
 *
 * Changes that the kernel makes by itself, and not in a system call on keys, are not seen.
 */
#include "hook_maps.h"

#include "hook_callers.h"
#include "hook_arch.h"
#include "hook_keyrings.h"

/* Only programs with this licence may use bpf_probe_read_kernel() and the ring buffer. */
char LICENSE[] SEC("license") = "GPL";

/* By thread. A call may take long, and a user may have many threads in one: its memory is
 * allocated when it begins. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct wq_hook_begun);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WQ_HOOK_OPERATIONS + 2);
	__type(key, __u32);
	__type(value, struct wq_hook_operation);
} operations SEC(".maps");

/* The serial of each watched key, by its address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WQ_HOOK_WATCHED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __s32);
} addresses SEC(".maps");

/* ---- calls ---- */

/* Finds out what ID, the number of a system call, means: stores its operation in *OP, and its
 * arguments. False: it is no call on keys. */
static __always_inline bool get_call(
	const struct pt_regs *regs, long id, struct wq_hook_begun *call)
{
	bool compat = is_compat(bpf_get_current_task_btf());
	struct args a;
	long n = keys_call(id, compat);

	if (n < 0 || n > 2)
		return false;
	get_args(regs, compat, &a);
	if (n == 0) {
		call->op = WQ_HOOK_ADD_KEY;
		call->arg[0] = (__s32)a.of[4];
	} else if (n == 1) {
		call->op = WQ_HOOK_REQUEST_KEY;
		call->arg[0] = (__s32)a.of[3];
	} else {
		call->op = (__u32)a.of[0];
		for (int i = 0; i < 4; i++)
			call->arg[i] = (__s32)a.of[i + 1];
	}
	return true;
}

static __always_inline const struct wq_hook_operation *find_operation(__u32 op)
{
	const struct wq_hook_operation *found = bpf_map_lookup_elem(&operations, &op);

	return found && found->is_reported ? found : NULL;
}

static __always_inline bool is_watched(__s32 serial)
{
	return serial > 0 && bpf_map_lookup_elem(&watched, &serial);
}

/* Could the call concern a watched key? Special keyrings, and keys that it returns, are only
 * known at its end. */
static __always_inline bool may_matter(
	const struct wq_hook_begun *call, const struct wq_hook_operation *o)
{
	if (o->has_result)
		return true;
	for (int i = 0; i < 4; i++)
		if (o->kinds[i] && (call->arg[i] < 0 || is_watched(call->arg[i])))
			return true;
	return false;
}

static __always_inline void not_noted(void)
{
	struct wq_hook_state *s = get_state();

	if (s)
		__sync_fetch_and_add(&s->not_noted, 1);
}

/* Forgets the last call of TID, if its end was not seen. */
static __always_inline void forget_call(__u32 tid)
{
	struct wq_hook_caller *caller = place_of(tid);

	if (is_caller(caller, tid))
		caller->tid = 0;
	if (bpf_map_lookup_elem(&calls, &tid))
		bpf_map_delete_elem(&calls, &tid);
}

static __always_inline int note_call(const struct pt_regs *regs, long id)
{
	struct wq_hook_begun call = {};
	const struct wq_hook_operation *o;
	__u32 tid = this_thread();

	forget_call(tid);
	if (!get_call(regs, id, &call))
		return 0;
	o = find_operation(call.op);
	if (!o)
		return 0;
	/* request_key() may take long, by its nature */
	if (call.op != WQ_HOOK_REQUEST_KEY && note_caller(tid) &&
		(call.op == WQ_HOOK_ADD_KEY || !may_matter(&call, o)))
		return 0;
	call.begin_ns = bpf_ktime_get_ns();
	/* the authority ends with the call */
	call.requestor = requestors_keyring(bpf_get_current_task_btf()->cred);
	if (bpf_map_update_elem(&calls, &tid, &call, BPF_ANY))
		not_noted();
	return 0;
}

SEC("?tp_btf/sys_enter") int BPF_PROG(call_enters, struct pt_regs *regs, long id)
{
	return may_be_keys_call(id) ? note_call(regs, id) : 0;
}

static __always_inline bool has_made(const struct wq_hook_begun *call, __s32 serial)
{
	for (int i = 0; i < WQ_HOOK_MADE; i++)
		if (i < call->n_made && serial_of((const struct key *)call->made[i]) == serial)
			return true;
	return false;
}

/* Replaces special keyrings by serials. */
static __always_inline void resolve_all(
	struct wq_hook_begun *call, const struct wq_hook_operation *o)
{
	const struct cred *cred = bpf_get_current_task_btf()->cred;

	for (int i = 0; i < 4; i++) {
		if (call->arg[i] >= 0)
			continue;
		if (o->kinds[i] == WQ_HOOK_DEST)
			call->arg[i] = call->requestor;
		else if (o->kinds[i] == WQ_HOOK_KEY)
			call->arg[i] = resolve(cred, call->arg[i]);
	}
	if (call->op == WQ_HOOK_REQUEST_KEY && !call->arg[0] && call->n_made)
		call->arg[0] = default_keyring(cred);
}

/* Whether a call is about a watched key, and there is room for its event. */
struct answer {
	bool is_watched, has_room;
};

static __always_inline void ask(__s32 serial, struct answer *a)
{
	struct wq_hook_watch *watch =
		serial > 0 ? bpf_map_lookup_elem(&watched, &serial) : NULL;

	if (!watch)
		return;
	a->is_watched = true;
	if (has_room(watch))
		a->has_room = true;
}

static __always_inline void call_lost(
	const struct wq_hook_begun *call, const struct wq_hook_operation *o, __s32 result)
{
	for (int i = 0; i < 4; i++)
		if (o->kinds[i] && is_watched(call->arg[i]))
			count_lost(call->arg[i]);
	if (o->has_result && is_watched(result))
		count_lost(result);
}

static __always_inline void report_call(
	struct wq_hook_begun *call, const struct wq_hook_operation *o, __s32 result, bool made)
{
	struct wq_hook_call *e = NULL;
	struct wq_hook_who who;
	struct answer a = {};

	resolve_all(call, o);
	for (int i = 0; i < 4; i++)
		if (o->kinds[i])
			ask(call->arg[i], &a);
	if (o->has_result)
		ask(result, &a);
	if (!a.is_watched)
		return;
	say_who(&who); /* before: see report() */
	if (a.has_room)
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		call_lost(call, o, result);
		return;
	}
	e->at_ns = bpf_ktime_get_ns();
	e->what = WQ_HOOK_CALL;
	e->op = call->op;
	for (int i = 0; i < 4; i++)
		e->arg[i] = call->arg[i];
	e->result = result;
	e->is_made = made;
	e->begin_ns = call->begin_ns;
	e->who = who;
	bpf_ringbuf_submit(e, 0);
}

/* ---- the end of calls ---- */

/* Does a thread construct keys for a request? */
static long note_construction(void *map, __u32 *tid, struct wq_hook_begun *call, bool *found)
{
	*found = call->op == WQ_HOOK_REQUEST_KEY && call->n_made;
	return *found;
}

/* Was a key under construction during CALL, which has ended, for another request? That notes
 * its end before it leaves the map. */
static __always_inline bool was_beside_construction(const struct wq_hook_begun *call)
{
	const struct wq_hook_state *s = get_state();
	bool found = false;

	bpf_for_each_map_elem(&calls, note_construction, &found, 0);
	return found || (s && s->constructed_ns >= call->begin_ns);
}

/* A request_key() that fails may have linked a key before that another call was constructing,
 * for which it has waited. Only the kernel knows which key that was. */
static __always_inline void report_failed_request(
	struct wq_hook_begun *call, const struct wq_hook_operation *o)
{
	resolve_all(call, o);
	if (is_watched(call->arg[0]) && (call->n_made || was_beside_construction(call)))
		report(WQ_HOOK_UNKNOWN, call->arg[0], 0);
}

static __always_inline void request_returns(
	struct wq_hook_begun *call, const struct wq_hook_operation *o, __s32 result)
{
	struct wq_hook_state *s = get_state();

	if (!call->requested && result >= 0)
		report_call(call, o, result, has_made(call, result));
	else if (!call->requested)
		report_failed_request(call, o);
	if (s && call->n_made)
		s->constructed_ns = bpf_ktime_get_ns();
}

/* The end of a call that was not seen to begin. It may have begun before the programs were
 * attached, and have changed a key that is watched by now; or it was not made at all. So what
 * it says is not reported, but that something may have happened. */
static __always_inline void end_unseen(const struct pt_regs *regs, __s32 result)
{
	struct wq_hook_begun call = {};
	const struct wq_hook_operation *o;

	if (!get_call(regs, number_of(regs), &call))
		return;
	o = find_operation(call.op);
	if (!o || !may_matter(&call, o) || (result < 0 && call.op != WQ_HOOK_REQUEST_KEY))
		return;
	call.requestor = requestors_keyring(bpf_get_current_task_btf()->cred);
	resolve_all(&call, o);
	for (int i = 0; i < 4; i++)
		if (o->kinds[i])
			report(WQ_HOOK_UNKNOWN, call.arg[i], 0);
	if (o->has_result)
		report(WQ_HOOK_UNKNOWN, result, 0);
}

/* The end of a call that began at BEGIN_NS: an add_key(), of which MADE says what keys it has
 * made, if any; or one about keys that nobody watched then. */
static __always_inline void end_seen(const struct pt_regs *regs, __s32 result, __u64 begin_ns,
	const struct wq_hook_begun *made)
{
	struct wq_hook_begun call = {};
	const struct wq_hook_operation *o;

	if (result < 0 || !get_call(regs, number_of(regs), &call))
		return;
	call.begin_ns = begin_ns;
	o = find_operation(call.op);
	if (o && may_matter(&call, o))
		report_call(&call, o, result, made && has_made(made, result));
}

static __always_inline void end_noted(
	const struct pt_regs *regs, __s32 result, struct wq_hook_begun *call)
{
	const struct wq_hook_operation *o = find_operation(call->op);

	if (call->op == WQ_HOOK_ADD_KEY)
		end_seen(regs, result, call->begin_ns, call);
	else if (o && call->op == WQ_HOOK_REQUEST_KEY)
		request_returns(call, o, result);
	else if (o && result >= 0)
		report_call(call, o, result, has_made(call, result));
}

static __always_inline int end_call(const struct pt_regs *regs, long result)
{
	__u32 tid = this_thread();
	struct wq_hook_begun *call = bpf_map_lookup_elem(&calls, &tid);
	struct wq_hook_caller *caller = place_of(tid);

	if (call)
		end_noted(regs, (__s32)result, call);
	else if (is_caller(caller, tid))
		end_seen(regs, (__s32)result, caller->begin_ns, NULL);
	else
		end_unseen(regs, (__s32)result);
	if (is_caller(caller, tid))
		caller->tid = 0;
	if (call)
		bpf_map_delete_elem(&calls, &tid);
	return 0;
}

SEC("?tp_btf/sys_exit") int BPF_PROG(call_returns, struct pt_regs *regs, long result)
{
	return may_be_keys_call(number_of(regs)) ? end_call(regs, result) : 0;
}

/* ---- keys that are made and destroyed ---- */

/* Raw tracepoints give numbers: some verifiers let no program load an argument that is a
 * "const void *". */

/* The serial of KEY, which a request_key() has made, if that is the key for its caller: not one
 * of the keyrings that the kernel makes for threads and users, and not the authority to
 * construct a key. */
static __always_inline __s32 requested_key(const struct key *key)
{
	char type[8] = "", name[4] = "";

	bpf_probe_read_kernel(type, sizeof(type), BPF_CORE_READ(key, type, name));
	if (type[0] == '.')
		return 0;
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(key, description));
	if (type[0] == 'k' && type[3] == 'r' && name[0] == '_')
		return 0;
	return serial_of(key);
}

/* A request_key() that makes a key links it, and then makes a second key: the authority to
 * construct the first one. That is the moment to report the link: the call may take long, it
 * may fail, and when it returns the key may be gone. */
static __always_inline void report_requested(struct wq_hook_begun *call, const struct key *key)
{
	const struct wq_hook_operation *o = find_operation(call->op);

	call->requested = requested_key(key);
	if (!o || !call->requested)
		return;
	resolve_all(call, o);
	report(NOTIFY_KEY_LINKED, call->arg[0], (__u32)call->requested);
}

static __always_inline void note_made(struct wq_hook_begun *call, const void *address)
{
	__u32 n = call->n_made;

	if (call->op == WQ_HOOK_REQUEST_KEY && n && n <= WQ_HOOK_MADE && !call->requested)
		report_requested(call, (void *)call->made[(n - 1) & (WQ_HOOK_MADE - 1)]);
	if (n < WQ_HOOK_MADE) {
		call->made[n & (WQ_HOOK_MADE - 1)] = (__u64)address;
		call->n_made++;
	}
}

/* The call of TID, which makes a key, if it is one to be noted. */
static __always_inline struct wq_hook_begun *find_making(__u32 tid)
{
	struct wq_hook_begun *call = bpf_map_lookup_elem(&calls, &tid);
	const struct wq_hook_caller *caller = place_of(tid);
	struct wq_hook_begun now = {.op = WQ_HOOK_ADD_KEY};

	if (call || !is_caller(caller, tid))
		return call;
	now.begin_ns = caller->begin_ns;
	if (bpf_map_update_elem(&calls, &tid, &now, BPF_ANY))
		not_noted();
	return bpf_map_lookup_elem(&calls, &tid);
}

SEC("?raw_tp/kmem_cache_alloc") int BPF_PROG(key_made, unsigned long site, const void *address)
{
	const struct wq_hook_state *s = get_state();
	struct wq_hook_begun *call;

	if (!s || site < s->key_alloc.from || site >= s->key_alloc.to)
		return 0;
	call = find_making(this_thread());
	if (call)
		note_made(call, address);
	return 0;
}

SEC("?raw_tp/kmem_cache_free")
int BPF_PROG(key_destroyed, unsigned long site, const void *address)
{
	const struct wq_hook_state *s = get_state();
	__u64 at = (__u64)address;
	__s32 *serial;

	if (!s || site < s->collector.from || site >= s->collector.to)
		return 0;
	serial = bpf_map_lookup_elem(&addresses, &at);
	if (serial) {
		report(WQ_HOOK_DESTROYED, *serial, 0);
		bpf_map_delete_elem(&addresses, &at);
	}
	return 0;
}

/* ---- the address of a key ---- */

/* What the daemon gives to this program, and gets back. */
struct find {
	__s32 serial;
	__s32 found;
};

SEC("?syscall") int find_key(struct find *find)
{
	const struct cred *cred = bpf_get_current_task_btf()->cred;
	struct key *any = BPF_CORE_READ(cred, thread_keyring);
	struct wq_hook_watch watch = {};
	__s32 wanted = find->serial;

	if (any)
		watch.address = (__u64)key_by_serial(any, wanted);
	if (!watch.address)
		return 0;
	bpf_map_update_elem(&watched, &wanted, &watch, BPF_ANY);
	bpf_map_update_elem(&addresses, &watch.address, &wanted, BPF_ANY);
	find->found = 1;
	return 0;
}
