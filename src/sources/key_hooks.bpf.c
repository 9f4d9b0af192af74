// SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only
/*
 * Programs in the kernel's own functions on keys: where notify_key() is called, or would be if
 * the kernel were built with it. For a watched key each reports, at that moment, what the
 * kernel's facility would post, into one ring buffer.
 *
 * Each place exists twice, as a program for a trampoline (fentry, fexit) and as one for a probe
 * (kprobe, kretprobe); the daemon decides for each place which of them it loads. Both call one
 * function with serials. The state of an operation is kept by its thread, because much is
 * certain only later in the operation.
 *
 * docs/architecture.md has the table of the places, and why each is the right one.
 */
#include "hook_programs.h"

/* Only programs with this licence may use bpf_probe_read_kernel() and the ring buffer. */
char LICENSE[] SEC("license") = "GPL";

/* ---- INSTANTIATED, LINKED, UNLINKED ---- */

static __always_inline void report_instantiated(struct doing *d)
{
	__s32 key = d->instantiate;

	d->instantiate = 0;
	report(NOTIFY_KEY_INSTANTIATED, key, d->reject);
}

/* The kernel links keys only in __key_link(), which cannot fail. Before that, key_move() has
 * reported the unlinking, and an instantiation of the key has been reported. */
static __always_inline void link(__s32 ring, __s32 key)
{
	struct doing *d = doing();

	if (d) {
		if (d->instantiate && d->instantiate == key)
			report_instantiated(d);
		if (d->move_from && d->move_key == key) {
			report(NOTIFY_KEY_UNLINKED, d->move_from, (__u32)key);
			d->move_from = 0;
		}
		d->linked = key;
	}
	if (is_on())
		report(NOTIFY_KEY_LINKED, ring, (__u32)key);
}
AT_ENTRY(__key_link, (struct key * ring, struct key *key), link, (ring->serial, key->serial),
	(serial_of(ring), serial_of(key)))

static __always_inline void move(__s32 key, __s32 from)
{
	struct doing *d = begin();

	if (d) {
		d->move_key = key;
		d->move_from = from;
	}
}
AT_ENTRY(key_move, (struct key * key, struct key *from), move, (key->serial, from->serial),
	(serial_of(key), serial_of(from)))

static __always_inline void moved(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	d->move_from = 0;
	end(d);
}
AT_RETURN(key_move, moved)

static __always_inline void unlink(__s32 ring, __s32 key)
{
	struct doing *d = begin();

	if (d) {
		d->unlink_from = ring;
		d->unlink_key = key;
	}
}
AT_ENTRY(key_unlink, (struct key * ring, struct key *key), unlink, (ring->serial, key->serial),
	(serial_of(ring), serial_of(key)))

static __always_inline void unlinked(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	d->unlink_from = 0;
	end(d);
}
AT_RETURN(key_unlink, unlinked)

static __always_inline void clear(__s32 ring)
{
	struct doing *d = begin();

	if (d)
		d->clear = ring;
}
AT_ENTRY(keyring_clear, (struct key * ring), clear, (ring->serial), (serial_of(ring)))

static __always_inline void cleared(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	d->clear = 0;
	end(d);
}
AT_RETURN(keyring_clear, cleared)

/* key_unlink() and keyring_clear() call this under the keyring's lock, right after they have
 * notified, and only if they succeed. */
static __always_inline void reserve(__s32 key, __u64 size)
{
	struct doing *d = doing();

	if (!d)
		return;
	if (d->unlink_from && d->unlink_from == key) {
		d->unlink_from = 0;
		report(NOTIFY_KEY_UNLINKED, key, (__u32)d->unlink_key);
	} else if (d->clear && d->clear == key && !size) {
		d->clear = 0;
		report(NOTIFY_KEY_CLEARED, key, 0);
	}
}
AT_ENTRY(key_payload_reserve, (struct key * key, unsigned long size), reserve,
	(key->serial, size), (serial_of(key), size))

static __always_inline void instantiate(__s32 key, __s32 authkey, __u32 error)
{
	struct doing *d = begin();

	if (d) {
		d->instantiate = key;
		d->authkey = authkey;
		d->reject = error;
	}
}
/* If there is no such key the authkey is NULL: a typed read of NULL returns 0. */
AT_ENTRY(__key_instantiate_and_link,
	(struct key * key, void *prep, struct key *ring, struct key *authkey), instantiate,
	(key->serial, authkey->serial, 0), (serial_of(key), serial_of(authkey), 0))

/* Reports an instantiation that links nowhere. */
static __always_inline void instantiated(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	if (d->instantiate && !(__s32)result)
		report_instantiated(d);
	d->instantiate = 0;
	end(d);
}
AT_RETURN(__key_instantiate_and_link, instantiated)

AT_ENTRY(key_reject_and_link,
	(struct key * key, unsigned int timeout, unsigned int error, struct key *ring,
		struct key *authkey),
	instantiate, (key->serial, authkey->serial, -error),
	(serial_of(key), serial_of(authkey), -error))

/* It also succeeds if another process has instantiated the key. All that there is to report was
 * reported before, in key_schedule_gc(). */
static __always_inline void rejected(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	d->instantiate = 0;
	end(d);
}
AT_RETURN(key_reject_and_link, rejected)

/* ---- UPDATED ---- */

/* add_key(): the kernel calls this at the end, with the key that it has made or updated. */
static __always_inline void created_or_updated(__s32 key, bool created)
{
	if (is_on() && !created)
		report(NOTIFY_KEY_UPDATED, key, 0);
}
#define AFTER_CREATE_OR_UPDATE(fn)                                                        \
	SEC("?fentry/" #fn)                                                               \
	int BPF_PROG(fentry_##fn, struct key *ring, struct key *key, const void *payload, \
		unsigned long size, unsigned long flags, bool created)                    \
	{                                                                                 \
		created_or_updated(key->serial, created);                                 \
		return 0;                                                                 \
	}
AFTER_CREATE_OR_UPDATE(security_key_post_create_or_update)
AFTER_CREATE_OR_UPDATE(ima_post_key_create_or_update)

/* The same where a kernel has neither function: a key that was not linked last was updated. */
static __always_inline void create_or_update(void)
{
	struct doing *d = begin();

	if (d)
		d->linked = 0;
}
SEC("?fentry/key_create_or_update") int fentry_key_create_or_update(void *ctx)
{
	create_or_update();
	return 0;
}
SEC("?kprobe/key_create_or_update") int kprobe_key_create_or_update(void *ctx)
{
	create_or_update();
	return 0;
}

static __always_inline void create_or_update_ends(__s32 key)
{
	struct doing *d = ending();

	if (!d)
		return;
	if (key && d->linked != key)
		report(NOTIFY_KEY_UPDATED, key, 0);
	end(d);
}
AT_RETURN_OF_REF(key_create_or_update, create_or_update_ends)

static __always_inline void update(__s32 key)
{
	struct doing *d = begin();

	if (d)
		d->update = key;
}
AT_ENTRY_WITH_REF(key_update, update)

static __always_inline void updated(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	if (d->update && !(__s32)result)
		report(NOTIFY_KEY_UPDATED, d->update, 0);
	d->update = 0;
	end(d);
}
AT_RETURN(key_update, updated)

/* ---- REVOKED, INVALIDATED ---- */

static __always_inline void revoke(__s32 key)
{
	struct doing *d = begin();

	if (d)
		d->revoke = key;
}
AT_ENTRY(key_revoke, (struct key * key), revoke, (key->serial), (serial_of(key)))

/* key_revoke() calls this only the first time, which is when it notifies; and
 * key_reject_and_link() calls it right after it has notified. */
static __always_inline void schedule_gc(void)
{
	struct doing *d = doing();
	__s32 key;

	if (!d)
		return;
	if (d->instantiate && d->reject)
		report_instantiated(d);
	key = d->revoke;
	d->revoke = 0;
	if (key)
		report(NOTIFY_KEY_REVOKED, key, 0);
}
AT_ENTRY(key_schedule_gc, (long at), schedule_gc, (), ())

static __always_inline void revoked(void)
{
	struct doing *d = ending();

	if (!d)
		return;
	d->revoke = 0;
	end(d);
}
SEC("?fexit/key_revoke") int fexit_key_revoke(void *ctx)
{
	revoked();
	return 0;
}
SEC("?kretprobe/key_revoke") int kretprobe_key_revoke(void *ctx)
{
	revoked();
	return 0;
}

/* An instantiation ends the authority for it after it has notified. */
static __always_inline void invalidate(__s32 key)
{
	struct doing *d = begin();

	if (!d)
		return;
	if (d->instantiate && d->authkey == key)
		report_instantiated(d);
	d->invalidate = key;
}
AT_ENTRY(key_invalidate, (struct key * key), invalidate, (key->serial), (serial_of(key)))

/* key_invalidate() calls this only the first time, which is when it notifies. */
static __always_inline void schedule_gc_links(void)
{
	struct doing *d = doing();
	__s32 key;

	if (!d || !d->invalidate)
		return;
	key = d->invalidate;
	d->invalidate = 0;
	report(NOTIFY_KEY_INVALIDATED, key, 0);
}
SEC("?fentry/key_schedule_gc_links") int fentry_key_schedule_gc_links(void *ctx)
{
	schedule_gc_links();
	return 0;
}
SEC("?kprobe/key_schedule_gc_links") int kprobe_key_schedule_gc_links(void *ctx)
{
	schedule_gc_links();
	return 0;
}

static __always_inline void invalidated(void)
{
	struct doing *d = ending();

	if (!d)
		return;
	d->invalidate = 0;
	end(d);
}
SEC("?fexit/key_invalidate") int fexit_key_invalidate(void *ctx)
{
	invalidated();
	return 0;
}
SEC("?kretprobe/key_invalidate") int kretprobe_key_invalidate(void *ctx)
{
	invalidated();
	return 0;
}

/* ---- the end ---- */

/* The collector calls this for each key that it destroys, where it also posts to
 * the watches. */
static __always_inline void destroyed(__s32 key)
{
	if (is_on())
		report(WQ_HOOK_DESTROYED, key, 0);
}
AT_ENTRY(security_key_free, (struct key * key), destroyed, (key->serial), (serial_of(key)))

/* ---- SETATTR ---- */

/* The key is the one that the operation looked up last. */
static __always_inline void attr(void)
{
	struct doing *d = begin();

	if (d) {
		d->is_attr = 1;
		d->looked = 0;
	}
}

static __always_inline void looked_up(__s32 key)
{
	struct doing *d = doing();

	if (d && d->is_attr)
		d->looked = key;
}
AT_RETURN_OF_REF(lookup_user_key, looked_up)

static __always_inline void attr_ends(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	if (d->is_attr && d->looked && !(__s64)result)
		report(NOTIFY_KEY_SETATTR, d->looked, 0);
	d->is_attr = 0;
	end(d);
}
AT_ENTRY(keyctl_setperm_key, (__s32 id), attr, (), ())
AT_RETURN(keyctl_setperm_key, attr_ends)
AT_ENTRY(keyctl_set_timeout, (__s32 id), attr, (), ())
AT_RETURN(keyctl_set_timeout, attr_ends)

/* Without owner and group keyctl_chown_key() changes nothing and posts nothing. */
static __always_inline void chown(__u32 uid, __u32 gid)
{
	if (uid != (__u32)-1 || gid != (__u32)-1)
		attr();
}
AT_ENTRY(keyctl_chown_key, (__s32 id, __u32 uid, __u32 gid), chown, (uid, gid), (uid, gid))
AT_RETURN(keyctl_chown_key, attr_ends)

static __always_inline void restrict_links(__s32 ring)
{
	struct doing *d = begin();

	if (d)
		d->restrict_ring = ring;
}
AT_ENTRY_WITH_REF(keyring_restrict, restrict_links)

static __always_inline void restricted(__u64 result)
{
	struct doing *d = ending();

	if (!d)
		return;
	if (d->restrict_ring && !(__s32)result)
		report(NOTIFY_KEY_SETATTR, d->restrict_ring, 0);
	d->restrict_ring = 0;
	end(d);
}
AT_RETURN(keyring_restrict, restricted)
