/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a hint to records: one path, whatever the source. A hint names the operation, so
 * that what leaves no difference in state is exact too; and it keeps the model of the
 * watched keys in step, so that a look finds only what no hint told of.
 */
#include <errno.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/keys_internal.h"

#define SAID_S	      2	 /* before and after a timeout, as it was reported */
#define RINGS_AT_ONCE 32 /* keyrings looked at for one hint; more take a round */

/* A hint that is being taken in. CALLER is who reported it; NULL: the trace. */
struct taking {
	struct wq_keys *keys;
	const struct wq_hint *h;
	const struct wq_caller *caller;
};

/* A special keyring that cannot be told, and by whom it was meant. */
struct meant {
	int32_t id;
	uint8_t rights; /* of which its use took one */
	struct wq_actor actor;
};

/* Keyring ID as the operation's thread meant it: its serial; 0: none was given, or it is
 * one that nobody watches; below 0: it cannot be told. */
static int32_t keyring_of(const struct taking *t, int32_t id)
{
	return wq_keys_special(t->keys, t->h, id);
}

/* A key that is named by a special keyring: its serial, or below 0. */
static int32_t key_named(const struct taking *t, int32_t id)
{
	int32_t serial = keyring_of(t, id);

	return serial ? serial : id;
}

/* Who says so: what a user reports explains that user's own operations, and nobody else's. */
static uint32_t teller(const struct taking *t)
{
	return t->caller ? t->caller->uid : WQ_SERIALS_TRACED;
}

static uid_t payer(const struct taking *t)
{
	return t->caller ? t->caller->uid : wq_keys_payer(t->keys, t->h->tid, t->h->begin_ns);
}

/* Remembers that the operation's key existed when it ended. */
static void note_serial(const struct taking *t)
{
	const struct wq_hint *h = t->h;
	int32_t serial = h->arg[0];
	uint32_t by = teller(t);
	uint64_t since_ns = h->end_ns;

	switch (h->op) {
	case WQFS_REPORT_ADD_KEY:
		/* only one operation makes a key: all others that add it have updated it */
		since_ns = 0;
		serial = h->result;
		break;
	case WQFS_REPORT_REQUEST_KEY:
	case KEYCTL_SEARCH:
		serial = h->result;
		break;
	case KEYCTL_GET_KEYRING_ID:
	case KEYCTL_JOIN_SESSION_KEYRING:
		if (by == WQ_SERIALS_TRACED)
			by = WQ_SERIALS_JOINED;
		serial = h->result;
		break;
	case KEYCTL_SESSION_TO_PARENT: /* their arguments are no keys */
	case KEYCTL_GET_PERSISTENT:
		return;
	default:
		break;
	}
	if (serial > 0)
		wq_serials_note(&t->keys->serials, serial, by, since_ns);
}

/* ---- records ---- */

/* SERIAL if it is watched, and the hint is news for it. */
static struct wq_key *watched(const struct taking *t, int32_t serial)
{
	struct wq_key *key = serial > 0 ? wq_keys_find(t->keys, serial) : NULL;

	return key && t->h->end_ns >= key->since_ns ? key : NULL;
}

/* Is the hint believed when it says SUBTYPE of KEY? The trace is. */
static bool is_believed(
	const struct taking *t, const struct wq_key *key, enum key_notification_subtype subtype)
{
	return !t->caller || wq_access_believed(&key->state, t->caller,
				     wq_operation_rights(t->h->op, subtype));
}

/* What is not believed is a reason to look: at once, unless such looks have taken their user's
 * share of the time. */
static void look_instead(const struct taking *t, struct wq_key *key)
{
	struct wq_keys *keys = t->keys;
	struct wq_work work;

	if (!wq_keys_begin_work(&work, &keys->guesses, payer(t))) {
		wq_keys_look_soon(keys);
		return;
	}
	wq_keys_look_at(key);
	wq_keys_end_work(&work);
}

/* SERIAL if it is watched, and the hint is news for it and believed. */
static struct wq_key *subject(
	const struct taking *t, int32_t serial, enum key_notification_subtype subtype)
{
	struct wq_key *key = watched(t, serial);

	if (!key || is_believed(t, key, subtype))
		return key;
	look_instead(t, key);
	return NULL;
}

static void ask_renewed(void *trace)
{
	if (trace)
		wq_trace_ask_renewed(trace);
}

/* As the kernel's notify_key(), unless a look has told it already. */
static void notify(const struct taking *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	struct wq_cred who = t->h->who;

	if (wq_keys_was_told(t->keys, key->serial, (uint8_t)subtype, aux, t->h->begin_ns))
		return;
	if (!who.pid && !t->caller)
		who = wq_task_who(&t->keys->tasks, t->h->tid, t->h->begin_ns, t->h->end_ns,
			ask_renewed, t->keys->trace);
	wq_keys_post(key, subtype, aux, &who, t->h->end_ns);
}

/* A report's change of attributes or payload is taken in now, or it is a difference later. */
static void changed_as_reported(struct wq_key *key, bool payload)
{
	const bool stale_payload = key->stale_payload, stale_attrs = key->stale_attrs;

	key->stale_payload |= payload;
	key->stale_attrs |= !payload;
	if (payload) /* it is not known how long it is now */
		key->proc.len = -1;
	key->proc.seen_pass = 0;
	wq_keys_rebase(key);
	key->stale_payload &= stale_payload;
	key->stale_attrs &= stale_attrs;
}

/* What the next look finds changed has been told. Polling looks at once, so that what
 * others do until then stays a difference; the trace tells of what they do. */
static void changed(const struct taking *t, struct wq_key *key, bool payload)
{
	if (t->caller) {
		changed_as_reported(key, payload);
		return;
	}
	if (payload)
		key->stale_payload = true;
	else
		key->stale_attrs = true;
	/* what a pass has read of it may be from before */
	key->proc.pass = key->proc.seen_pass = 0;
	if (t->keys->trace)
		wq_keys_rebase_soon(key);
	else
		wq_keys_rebase(key);
}

/* The member list is no longer what its digest says. */
static void members_changed(struct wq_key *ring)
{
	memset(ring->state.digest, 0, sizeof(ring->state.digest));
}

static bool has_members(const struct wq_key *ring)
{
	return ring->state.payload == WQ_PAYLOAD_MEMBERS;
}

/* The member of the same type and description as NAME, other than SERIAL; 0: none. */
static int32_t namesake(const struct wq_key *ring, uint64_t name, int32_t serial)
{
	for (size_t i = 0; name && i < ring->state.len; i++)
		if (ring->state.members[i].name == name &&
			ring->state.members[i].serial != serial)
			return ring->state.members[i].serial;
	return 0;
}

/* The name of a member that was displaced, and may have ended: to be unlinked all the same. */
static void note_name(struct wq_keys *keys, int32_t serial, uint64_t name)
{
	keys->names[keys->names_next++ % NAMES_MAX] = (struct wq_key_member){serial, name};
}

static uint64_t name_of(const struct wq_key *ring, int32_t serial)
{
	const struct wq_keys *keys = ring->keys;

	for (unsigned int i = 0; i < NAMES_MAX; i++)
		if (keys->names[i].serial == serial)
			return keys->names[i].name;
	return wq_look_name(keys->look, &ring->as, serial);
}

/* Does RING hold SERIAL, or if that is 0 anything? */
static bool holds(const struct wq_key *ring, int32_t serial)
{
	int r = wq_look_holds(ring->keys->look, &ring->as, ring->serial, serial);

	return serial ? r == WQ_HOLDS_IT : r == WQ_HOLDS_IT || r == WQ_HOLDS_OTHERS;
}

/* What was told of RING is compared with what is there, if it was only said: else what others
 * do next, and nobody reports, would be hidden behind it. HELD: it
 * should hold SERIAL, or anything if that is 0. */
static void verify(const struct taking *t, struct wq_key *ring, int32_t serial, bool held)
{
	if (t->caller && has_members(ring) && holds(ring, serial) != held)
		wq_keys_look_now(ring);
}

static void linked(const struct taking *t, struct wq_key *ring, int32_t serial)
{
	if (has_members(ring)) {
		uint64_t name = wq_look_name(t->keys->look, &ring->as, serial);
		int32_t displaced = namesake(ring, name, serial);

		if (displaced) {
			note_name(t->keys, displaced, name);
			wq_key_member_del(&ring->state, displaced);
		}
		/* a report is not to explain away what others do */
		if (!name && !t->caller)
			ring->nameless++;
		if (wq_key_member_add(&ring->state, serial, name) < 0)
			wq_log(WQ_LOG_ERR, "no memory for a member of keyring %d",
				ring->serial);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_LINKED, (uint32_t)serial);
	verify(t, ring, serial, true);
}

/* The kernel removes what has the type and description of SERIAL, and reports SERIAL. */
static void unlinked(const struct taking *t, struct wq_key *ring, int32_t serial)
{
	int32_t gone = serial;

	if (has_members(ring)) {
		if (!wq_key_member_find(&ring->state, serial))
			gone = namesake(ring, name_of(ring, serial), serial);
		if (gone)
			wq_key_member_del(&ring->state, gone);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_UNLINKED, (uint32_t)serial);
	verify(t, ring, gone ? gone : serial, false);
}

static void cleared(const struct taking *t, struct wq_key *ring, int32_t none)
{
	if (has_members(ring)) {
		ring->state.len = 0;
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_CLEARED, 0);
	verify(t, ring, 0, false);
}

/* ---- a keyring that cannot be told ---- */

enum guess {
	GUESS_LINKED,
	GUESS_FOUND, /* linked if it was made for that, else only found */
	GUESS_UNLINKED,
	GUESS_CLEARED,
};

/* A keyring that add_key() made is a session's only once somebody has joined it. */
static bool may_be_session(const struct wq_key *ring)
{
	const struct wq_serials *serials = &ring->keys->serials;
	bool made = wq_serials_known(serials, ring->serial, WQ_SERIALS_TRACED, 0);

	return !made || wq_serials_known(serials, ring->serial, WQ_SERIALS_JOINED, UINT64_MAX);
}

/* Could RING be meant by ID, which stands for any if it is 0? */
static bool may_be_called(const struct wq_key *ring, int32_t id)
{
	return wq_ring_may_be_called(ring, id) &&
	       (id != KEY_SPEC_SESSION_KEYRING || may_be_session(ring));
}

/* Is RING the one, by what it holds now and held before? */
static bool fits(const struct wq_key *ring, enum guess what, int32_t serial)
{
	const bool had = wq_key_member_find(&ring->state, serial) != NULL;
	int holds;

	if (!has_members(ring) || ((what == GUESS_LINKED || what == GUESS_FOUND) && had) ||
		(what == GUESS_UNLINKED && !had) || (what == GUESS_CLEARED && !ring->state.len))
		return false;
	holds = wq_look_holds(ring->keys->look, &ring->as, ring->serial, serial);
	switch (what) {
	case GUESS_LINKED:
	case GUESS_FOUND:
		return holds == WQ_HOLDS_IT;
	case GUESS_UNLINKED:
		return holds == WQ_HOLDS_OTHERS || holds == WQ_HOLDS_NOTHING;
	case GUESS_CLEARED:
		break;
	}
	return holds == WQ_HOLDS_NOTHING;
}

/* The operation may have been on RING, and have changed nothing that can be seen. */
static bool may_be_unseen(const struct wq_key *ring, enum guess what, int32_t serial)
{
	if (what == GUESS_FOUND)
		return false;
	if (!has_members(ring))
		return true;
	switch (what) {
	case GUESS_LINKED:
		return wq_key_member_find(&ring->state, serial) != NULL;
	case GUESS_CLEARED:
		return ring->state.len == 0;
	case GUESS_FOUND:
	case GUESS_UNLINKED:
		break;
	}
	return false;
}

/* Who did it is asked when it matters only; of a report, whose reporter has to be believed of
 * each keyring, not at all. */
static struct meant meant_by(
	const struct taking *t, int32_t id, enum key_notification_subtype subtype)
{
	struct meant m = {.id = id, .rights = wq_operation_rights(t->h->op, subtype)};

	if (id < 0 && !t->caller)
		wq_keys_actor(t->keys, t->h, id, &m.actor);
	return m;
}

static bool may_be_it(const struct wq_key *key, const void *arg)
{
	const struct meant *m = arg;

	return may_be_called(key, m->id) &&
	       wq_may_mean(&m->actor, m->id, m->rights, &key->state);
}

struct unseen {
	const struct meant *meant;
	enum guess what;
	int32_t serial;
};

static bool is_unseen(const struct wq_key *key, const void *arg)
{
	const struct unseen *u = arg;

	return may_be_it(key, u->meant) && may_be_unseen(key, u->what, u->serial);
}

/* A look at all keys finds what it changed, and where it may have changed nothing that one
 * sees the loss is told: nothing is made up, and nothing is passed over. */
static void cannot_tell(
	const struct taking *t, const struct meant *meant, enum guess what, int32_t serial)
{
	const struct unseen u = {meant, what, serial};

	if (!t->caller)
		wq_keys_tell_loss(t->keys, is_unseen, &u);
	wq_keys_look_soon(t->keys);
}

static const struct guessing {
	void (*told)(const struct taking *, struct wq_key *, int32_t);
	enum key_notification_subtype subtype;
} guesses[] = {
	[GUESS_LINKED] = {linked, NOTIFY_KEY_LINKED},
	[GUESS_FOUND] = {linked, NOTIFY_KEY_LINKED},
	[GUESS_UNLINKED] = {unlinked, NOTIFY_KEY_UNLINKED},
	[GUESS_CLEARED] = {cleared, NOTIFY_KEY_CLEARED},
};

/* Tells WHAT of those of the N RINGS that show it. True: of one at least. */
static bool guess(const struct taking *t, const struct meant *meant, enum guess what,
	int32_t serial, const int32_t *rings, unsigned int n)
{
	const struct guessing *g = &guesses[what];
	bool any = false;

	/* by serial: one may turn out to be gone, or end another's watch */
	for (unsigned int i = 0; i < n; i++) {
		struct wq_key *ring = wq_keys_find(t->keys, rings[i]);

		if (!ring || ring->buried || !may_be_it(ring, meant) ||
			!watched(t, ring->serial) || !is_believed(t, ring, g->subtype) ||
			!fits(ring, what, serial))
			continue;
		any = true;
		g->told(t, ring, serial);
		/* the difference may be another's, whose hint is on its way */
		wq_keys_note_told(ring, (uint8_t)g->subtype, (uint32_t)serial);
	}
	return any;
}

/* Decided by the difference that the operation, on the keyring that was named ID, made in one
 * of those that are watched. Guesses cost more than the operations that ask for them: they may
 * take their user's share of the time. Where nobody watches what may be meant there is nothing
 * to guess. */
static void by_difference(const struct taking *t, int32_t id, enum guess what, int32_t serial)
{
	struct wq_keys *keys = t->keys;
	int32_t rings[RINGS_AT_ONCE];
	struct wq_work work;
	struct meant meant;
	unsigned int n;
	bool any;

	if (what == GUESS_UNLINKED && serial > 0)
		wq_keys_note_unlinked(keys, serial);
	n = wq_rings_called(&keys->rings, id, rings, RINGS_AT_ONCE);
	if (n == 0 && TAILQ_EMPTY(&keys->gone))
		return;
	meant = meant_by(t, id, guesses[what].subtype);
	if (serial < 0 || n > RINGS_AT_ONCE ||
		!wq_keys_begin_work(&work, &keys->guesses, payer(t))) {
		cannot_tell(t, &meant, what, serial);
		return;
	}
	any = guess(t, &meant, what, serial, rings, n);
	wq_keys_end_work(&work);
	if (!any)
		cannot_tell(t, &meant, what, serial);
}

/* ---- operations ---- */

/* SERIAL was linked into keyring ID. */
static void op_link(const struct taking *t, int32_t id, int32_t key)
{
	int32_t ring = keyring_of(t, id), serial = key_named(t, key);
	struct wq_key *into;

	if (ring < 0) {
		by_difference(t, id, GUESS_LINKED, serial);
		return;
	}
	into = subject(t, ring, NOTIFY_KEY_LINKED);
	if (!into)
		return;
	if (serial < 0) {
		by_difference(t, ring, GUESS_LINKED, serial);
		return;
	}
	linked(t, into, serial);
}

static void op_unlink(const struct taking *t, int32_t id, int32_t key)
{
	int32_t ring = keyring_of(t, id), serial = key_named(t, key);
	struct wq_key *from;

	if (ring < 0) {
		by_difference(t, id, GUESS_UNLINKED, serial);
		return;
	}
	from = subject(t, ring, NOTIFY_KEY_UNLINKED);
	if (!from)
		return;
	if (serial < 0)
		by_difference(t, ring, GUESS_UNLINKED, serial);
	else
		unlinked(t, from, serial);
}

static void op_clear(const struct taking *t, int32_t id)
{
	int32_t ring = keyring_of(t, id);
	struct wq_key *from;

	if (ring < 0) {
		by_difference(t, id, GUESS_CLEARED, 0);
		return;
	}
	from = subject(t, ring, NOTIFY_KEY_CLEARED);
	if (from)
		cleared(t, from, 0);
}

static void op_move(const struct taking *t)
{
	const int32_t *arg = t->h->arg;

	if (key_named(t, arg[1]) == key_named(t, arg[2]))
		return; /* the kernel does nothing then */
	op_unlink(t, arg[1], arg[0]);
	op_link(t, arg[2], arg[0]);
}

/* Was there a key SERIAL when the operation began? */
static bool was_there(const struct taking *t, int32_t serial)
{
	return wq_serials_known(&t->keys->serials, serial, teller(t), t->h->begin_ns);
}

/* The key that add_key() returned is a new one, or an old one that it has updated. */
static void op_add_key(const struct taking *t)
{
	int32_t serial = t->h->result, id = t->h->arg[0], ring = keyring_of(t, id);
	struct wq_key *key = wq_keys_find(t->keys, serial);
	const struct wq_key *into = ring > 0 ? wq_keys_find(t->keys, ring) : NULL;

	if (serial == t->h->arg[1] || (key && key->since_ns <= t->h->begin_ns) ||
		was_there(t, serial)) {
		key = subject(t, serial, NOTIFY_KEY_UPDATED);
		if (!key)
			return;
		notify(t, key, NOTIFY_KEY_UPDATED, 0);
		changed(t, key, true);
		return;
	}
	if (into && is_believed(t, into, NOTIFY_KEY_LINKED) &&
		wq_key_member_find(&into->state, serial))
		/* told by a look, perhaps; else an update of a key that nobody watches */
		wq_keys_was_told(
			t->keys, ring, NOTIFY_KEY_LINKED, (uint32_t)serial, t->h->begin_ns);
	else
		op_link(t, id, serial);
}

static void op_request_key(const struct taking *t)
{
	/* Without a keyring a key that was found is linked nowhere, a new one into the
	 * default keyring. */
	if (t->h->arg[0])
		op_link(t, t->h->arg[0], t->h->result);
	else
		by_difference(t, 0, GUESS_FOUND, t->h->result);
}

static void op_instantiated(const struct taking *t, uint32_t aux, int32_t ring)
{
	struct wq_key *key = subject(t, t->h->arg[0], NOTIFY_KEY_INSTANTIATED);

	if (key) {
		notify(t, key, NOTIFY_KEY_INSTANTIATED, aux);
		changed(t, key, true);
	}
	if (ring < 0) /* any special one stands for that of who asked for the key */
		by_difference(t, 0, GUESS_LINKED, t->h->arg[0]);
	else if (ring)
		op_link(t, ring, t->h->arg[0]);
}

/* Of two who revoke a key at the same time both succeed, and the kernel tells of one. */
static bool is_told_by_first(const struct wq_key *key, enum key_notification_subtype subtype)
{
	return (subtype == NOTIFY_KEY_REVOKED && key->state.life >= WQ_KEY_REVOKED) ||
	       (subtype == NOTIFY_KEY_INVALIDATED && key->state.life >= WQ_KEY_INVALIDATED);
}

/* Is SERIAL the caller's who reports of its death? Root, and whoever runs the daemon, report
 * to themselves. */
static bool is_reporters(const struct taking *t, int32_t serial)
{
	struct wq_key_state *s = &t->keys->scratch;
	struct wq_look_as as;

	if (t->caller->uid == 0 || t->caller->uid == geteuid())
		return true;
	as = (struct wq_look_as){true, t->caller->uid, t->caller->gid};
	return wq_look_describe(t->keys->look, &as, serial, s) == 0 &&
	       s->life == WQ_KEY_ALIVE && s->uid == t->caller->uid;
}

/* A member that dies is not watched as a rule: whoever finds it missing is to know why. What
 * is revoked or invalidated shows that it is, unless it is gone already. */
static void note_death(const struct taking *t)
{
	const struct wq_hint *h = t->h;
	uint32_t seconds = h->op == KEYCTL_SET_TIMEOUT ? (uint32_t)h->arg[1] : 0;
	time_t at = h->op == KEYCTL_SET_TIMEOUT && !seconds ? 0 : time(NULL) + (time_t)seconds;
	int32_t serial = h->arg[0];

	if (t->caller && h->op != KEYCTL_SET_TIMEOUT &&
		wq_look_life(t->keys->look, serial) < WQ_KEY_EXPIRED)
		return; /* it was only said */
	if (serial > 0 && (!t->caller || is_reporters(t, serial)))
		wq_keys_note_dead(t->keys, serial, at);
}

static void cannot_tell_attributes(const struct taking *t, int32_t id)
{
	const struct meant meant = meant_by(t, id, NOTIFY_KEY_SETATTR);

	wq_keys_tell_loss(t->keys, may_be_it, &meant);
}

/* That a life has ended is there to be seen, so nobody's word is taken for it. */
static bool is_confirmed(
	const struct taking *t, const struct wq_key *key, enum key_notification_subtype subtype)
{
	if (!t->caller || (subtype != NOTIFY_KEY_REVOKED && subtype != NOTIFY_KEY_INVALIDATED))
		return true;
	return wq_look_life(t->keys->look, key->serial) >=
	       (subtype == NOTIFY_KEY_REVOKED ? WQ_KEY_REVOKED : WQ_KEY_INVALIDATED);
}

/* What became of KEY by that of which SUBTYPE tells. */
static void take_in(
	const struct taking *t, struct wq_key *key, enum key_notification_subtype subtype)
{
	switch (subtype) {
	case NOTIFY_KEY_REVOKED:
		if (key->state.life < WQ_KEY_REVOKED)
			key->state.life = WQ_KEY_REVOKED;
		wq_keys_ends_at(key, time(NULL) + wq_keys_gc_delay(t->keys));
		break;
	case NOTIFY_KEY_INVALIDATED:
		key->state.life = WQ_KEY_INVALIDATED;
		break;
	default:
		changed(t, key, subtype == NOTIFY_KEY_UPDATED);
		break;
	}
}

/* The key that was told of; NULL if it is not watched, or not believed to be changed. */
static struct wq_key *op_simple(const struct taking *t, enum key_notification_subtype subtype)
{
	int32_t serial = key_named(t, t->h->arg[0]);
	struct wq_key *key;

	if (serial < 0) {
		/* attributes may have been set to what they were */
		if (!t->caller && subtype == NOTIFY_KEY_SETATTR)
			cannot_tell_attributes(t, t->h->arg[0]);
		wq_keys_look_soon(t->keys);
		return NULL;
	}
	key = subject(t, serial, subtype);
	if (key && !is_confirmed(t, key, subtype)) {
		look_instead(t, key);
		key = NULL;
	}
	if (!key)
		return NULL;
	if (!is_told_by_first(key, subtype))
		notify(t, key, subtype, 0);
	take_in(t, key, subtype);
	return key;
}

/* As reported, it ends KEY no later than it was known to: what was only said is to make nobody
 * miss an end. And it is no difference that /proc/keys says so next. */
static void timeout_as_reported(struct wq_key *key, time_t at)
{
	time_t ends_at = at ? at + wq_keys_gc_delay(key->keys) : 0, known = wq_keys_end_of(key);

	key->proc.is_said = true;
	key->proc.said = at ? (struct wq_expiry){at - SAID_S, at + SAID_S} : wq_expiry_never;
	if (ends_at && (!known || ends_at < known))
		wq_keys_ends_at(key, ends_at);
}

static void op_timeout(const struct taking *t)
{
	uint32_t seconds = (uint32_t)t->h->arg[1];
	struct wq_key *key = op_simple(t, NOTIFY_KEY_SETATTR);
	time_t since = (time_t)((wq_now_ns() - t->h->end_ns) / NS_PER_S);
	time_t at = seconds ? time(NULL) - since + (time_t)seconds : 0;

	if (!key)
		return;
	if (t->caller)
		timeout_as_reported(key, at);
	else
		wq_keys_ends_at(key, at ? at + wq_keys_gc_delay(t->keys) : 0);
}

static void op_chown(const struct taking *t)
{
	/* neither owner nor group: keyctl_chown_key() changes nothing and tells nothing */
	if (t->h->arg[1] != -1 || t->h->arg[2] != -1)
		op_simple(t, NOTIFY_KEY_SETATTR);
}

static void take(const struct taking *t)
{
	const struct wq_hint *h = t->h;

	if (!t->caller) /* only the trace is believed about sessions */
		wq_keys_learn(t->keys, h);
	switch (h->op) {
	case KEYCTL_UPDATE:
		op_simple(t, NOTIFY_KEY_UPDATED);
		break;
	case KEYCTL_REVOKE:
		note_death(t);
		op_simple(t, NOTIFY_KEY_REVOKED);
		break;
	case KEYCTL_INVALIDATE:
		note_death(t);
		op_simple(t, NOTIFY_KEY_INVALIDATED);
		break;
	case KEYCTL_CHOWN:
		op_chown(t);
		break;
	case KEYCTL_SETPERM:
	case KEYCTL_RESTRICT_KEYRING:
		op_simple(t, NOTIFY_KEY_SETATTR);
		break;
	case KEYCTL_SET_TIMEOUT:
		note_death(t);
		op_timeout(t);
		break;
	case KEYCTL_CLEAR:
		op_clear(t, h->arg[0]);
		break;
	case KEYCTL_LINK:
		op_link(t, h->arg[1], h->arg[0]);
		break;
	case KEYCTL_UNLINK:
		op_unlink(t, h->arg[1], h->arg[0]);
		break;
	case KEYCTL_SEARCH:
		if (!h->arg[3])
			return; /* what was found was linked nowhere */
		op_link(t, h->arg[3], h->result);
		break;
	case KEYCTL_MOVE:
		op_move(t);
		break;
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
		op_instantiated(t, 0, h->arg[3]);
		break;
	case KEYCTL_NEGATE:
		op_instantiated(t, (uint32_t)-ENOKEY, h->arg[2]);
		break;
	case KEYCTL_REJECT:
		op_instantiated(t, (uint32_t)-h->arg[2], h->arg[3]);
		break;
	case KEYCTL_GET_PERSISTENT:
		op_link(t, h->arg[1], h->result);
		break;
	case WQFS_REPORT_ADD_KEY:
		op_add_key(t);
		break;
	case WQFS_REPORT_REQUEST_KEY:
		op_request_key(t);
		break;
	default:
		break;
	}
	if (wq_operation_may_destroy(h->op))
		wq_keys_may_end(t->keys);
}

void wq_keys_take_hint(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller)
{
	const struct taking t = {keys, h, caller};
	struct inflight *f;

	if (h->end_ns == 0) {
		wq_keys_begin(keys, h, caller);
		return;
	}
	f = wq_keys_find_inflight(keys, h->tid);
	if (f)
		wq_keys_forget_inflight(keys, f);
	if (h->result >= 0) {
		take(&t);
		note_serial(&t);
	} else if (h->op == WQFS_REPORT_REQUEST_KEY) {
		wq_keys_look_soon(keys); /* a negative key may have been linked */
	}
}

/* ---- reports ---- */

int wq_keys_report(struct wq_keys *keys, const struct wqfs_key_report *report,
	const struct wq_caller *caller)
{
	uint64_t now = wq_now_ns();
	struct wq_hint h = {
		.op = report->op,
		.result = report->result,
		.begin_ns = report->begin_ns,
		.end_ns = report->end_ns,
		.tid = caller->pid,
	};

	memcpy(h.arg, report->arg, sizeof(h.arg));
	if (!wq_operation_find(h.op) || h.begin_ns > now || h.end_ns > now ||
		(h.end_ns && h.end_ns < h.begin_ns))
		return -EINVAL;
	if (!h.end_ns && !caller->pid)
		return 0; /* all threads of pid namespaces that are not ours have no number */
	if (keys->trace) {
		/* of a beginning: what its thread did before is over */
		wq_keys_catch_up(keys, caller->uid);
		if (h.end_ns && !caller->compat)
			return 0; /* the trace tells of it, too */
	}
	if (h.end_ns && h.result >= 0)
		h.who = wq_keys_reporter(keys, caller);
	wq_keys_take_hint(keys, &h, caller);
	return 0;
}
