/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "keys/apply.h"
#include "keys/post.h"
#include "record/names.h"

struct wq_telling wq_telling_of(const struct wq_applier *to, const struct wq_operation *op,
	const struct wq_caller *caller, unsigned int *consequences)
{
	return (struct wq_telling){
		.to = to,
		.model = to->model,
		.op = op,
		.caller = caller,
		.begin_ns = op->begin_ns,
		.end_ns = op->end_ns,
		.tid = op->tid,
		.who = op->who,
		.consequences = consequences,
	};
}

/* SERIAL if it is watched, and was when TID, or if that is 0 somebody, did something at AT_NS.
 */
static struct wq_key *watched_at(
	const struct wq_model *m, int32_t serial, uint64_t at_ns, pid_t tid)
{
	struct wq_key *key = serial > 0 ? wq_registry_find(&m->registry, serial) : NULL;

	if (!key) {
		wq_debug_keys("key %d: nothing is posted: nobody watches it", serial);
		return NULL;
	}
	if (at_ns < key->since_ns) {
		wq_debug_keys("key %d: nothing is posted: thread %d changed it before it was "
			      "watched",
			serial, (int)tid);
		return NULL;
	}
	return key;
}

struct wq_key *wq_telling_watched(const struct wq_telling *t, int32_t serial)
{
	return watched_at(t->model, serial, t->end_ns, t->tid);
}

bool wq_telling_is_believed(const struct wq_telling *t, const struct wq_key *key,
	enum key_notification_subtype subtype)
{
	return !t->caller || wq_access_believed(&key->state, t->caller,
				     wq_operation_rights(t->op->op, subtype));
}

uid_t wq_telling_payer(const struct wq_telling *t)
{
	if (t->who.pid && wq_model_has(t->model, WQ_SOURCE_IDENTITY))
		return t->who.uid;
	return t->caller ? t->caller->uid
			 : wq_actors_payer(t->to->resolve->actors, t->tid, t->begin_ns);
}

/* What is not believed is a reason to look: at once, unless such looks have taken their user's
 * share of the time. */
static void look_instead(const struct wq_telling *t, struct wq_key *key)
{
	struct wq_work work;

	wq_debug_keys("key %d: what thread %d says of it is not believed: a look instead",
		key->serial, (int)t->tid);
	if (!wq_work_begin(&work, &t->model->guesses, wq_telling_payer(t))) {
		*t->consequences |= WQ_SCAN_SOON;
		return;
	}
	wq_compare_key(t->to->compare, key);
	wq_work_end(&work);
}

struct wq_key *wq_telling_subject(
	const struct wq_telling *t, int32_t serial, enum key_notification_subtype subtype)
{
	struct wq_key *key = wq_telling_watched(t, serial);

	if (!key || wq_telling_is_believed(t, key, subtype))
		return key;
	look_instead(t, key);
	return NULL;
}

/* As the kernel's notify_key(), unless a look has told it already. */
static void notify(const struct wq_telling *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	struct wq_cred who = t->who;

	key->told++;
	if (wq_ledger_claim(
		    &t->model->ledger, key->serial, (uint8_t)subtype, aux, t->begin_ns)) {
		wq_debug_keys("key %d: what thread %d did has been told as a difference",
			key->serial, (int)t->tid);
		return;
	}
	if (!who.pid && !t->caller && !wq_model_has(t->model, WQ_SOURCE_IDENTITY))
		who = wq_resolve_who(t->to->resolve, t->tid, t->begin_ns, t->end_ns);
	wq_post_change(key, subtype, aux, &who, t->end_ns);
}

/* A report's change of attributes or payload is taken in now, or it is a difference later. */
static void changed_as_reported(struct wq_key *key, bool payload)
{
	const bool payload_told = key->payload_told, attrs_told = key->attrs_told;

	key->payload_told |= payload;
	key->attrs_told |= !payload;
	if (payload) /* it is not known how long it is now */
		key->proc.len = -1;
	key->proc.seen_pass = 0;
	wq_compare_refresh(key);
	key->payload_told &= payload_told;
	key->attrs_told &= attrs_told;
}

/* What the next look finds changed has been told. Polling looks at once, so that what
 * others do until then stays a difference; the trace tells of what they do. */
static void changed(const struct wq_telling *t, struct wq_key *key, bool payload)
{
	if (t->caller) {
		changed_as_reported(key, payload);
		return;
	}
	if (payload)
		key->payload_told = true;
	else
		key->attrs_told = true;
	/* what a pass has read of it may be from before */
	key->proc.pass = key->proc.seen_pass = 0;
	if (wq_model_has(t->model, WQ_SOURCE_OPERATIONS))
		wq_compare_refresh_soon(t->to->compare, key);
	else
		wq_compare_refresh(key);
}

/* The member list is no longer what its digest says. */
static void members_changed(struct wq_key *ring)
{
	memset(ring->state.digest, 0, sizeof(ring->state.digest));
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
static void note_name(struct wq_model *m, int32_t serial, uint64_t name)
{
	m->names[m->names_next++ % WQ_NAMES_MAX] = (struct wq_key_member){serial, name};
}

static uint64_t name_of(const struct wq_key *ring, int32_t serial)
{
	const struct wq_model *m = ring->model;

	for (unsigned int i = 0; i < WQ_NAMES_MAX; i++)
		if (m->names[i].serial == serial)
			return m->names[i].name;
	return wq_key_reader_name(m->reader, &ring->view, serial);
}

/* Does RING hold SERIAL, or if that is 0 anything? */
static bool holds(const struct wq_key *ring, int32_t serial)
{
	int r = wq_key_reader_holds(ring->model->reader, &ring->view, ring->serial, serial);

	return serial ? r == WQ_HOLDS_IT : r == WQ_HOLDS_IT || r == WQ_HOLDS_OTHERS;
}

/* What was told of RING is compared with what is there, if it was only said: else what others
 * do next, and nobody reports, would be hidden behind it. HELD: it
 * should hold SERIAL, or anything if that is 0. */
static void verify(const struct wq_telling *t, struct wq_key *ring, int32_t serial, bool held)
{
	if (t->caller && wq_key_has_members(ring) && holds(ring, serial) != held)
		wq_compare_now(t->to->compare, ring);
}

static void linked(const struct wq_telling *t, struct wq_key *ring, int32_t serial)
{
	if (wq_key_has_members(ring)) {
		uint64_t name = wq_key_reader_name(t->model->reader, &ring->view, serial);
		int32_t displaced = namesake(ring, name, serial);

		if (displaced) {
			note_name(t->model, displaced, name);
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
static void unlinked(const struct wq_telling *t, struct wq_key *ring, int32_t serial)
{
	int32_t gone = serial;

	if (wq_key_has_members(ring)) {
		if (!wq_key_member_find(&ring->state, serial))
			gone = namesake(ring, name_of(ring, serial), serial);
		if (gone)
			wq_key_member_del(&ring->state, gone);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_UNLINKED, (uint32_t)serial);
	verify(t, ring, gone ? gone : serial, false);
}

static void cleared(const struct wq_telling *t, struct wq_key *ring)
{
	if (wq_key_has_members(ring)) {
		ring->state.len = 0;
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_CLEARED, 0);
	verify(t, ring, 0, false);
}

/* ---- attributes, payload, life ---- */

/* Of two who revoke a key at the same time both succeed, and the kernel tells of one. */
static bool is_told_by_first(const struct wq_key *key, enum key_notification_subtype subtype)
{
	return (subtype == NOTIFY_KEY_REVOKED && key->state.life >= WQ_KEY_REVOKED) ||
	       (subtype == NOTIFY_KEY_INVALIDATED && key->state.life >= WQ_KEY_INVALIDATED);
}

/* That a life has ended is there to be seen, so nobody's word is taken for it. */
static bool is_confirmed(const struct wq_telling *t, const struct wq_key *key,
	enum key_notification_subtype subtype)
{
	if (!t->caller || (subtype != NOTIFY_KEY_REVOKED && subtype != NOTIFY_KEY_INVALIDATED))
		return true;
	return wq_key_reader_life(t->model->reader, key->serial) >=
	       (subtype == NOTIFY_KEY_REVOKED ? WQ_KEY_REVOKED : WQ_KEY_INVALIDATED);
}

/* What became of KEY by that of which SUBTYPE tells. */
static void take_in(
	const struct wq_telling *t, struct wq_key *key, enum key_notification_subtype subtype)
{
	switch (subtype) {
	case NOTIFY_KEY_REVOKED:
		if (key->state.life < WQ_KEY_REVOKED)
			key->state.life = WQ_KEY_REVOKED;
		wq_gc_expect_at(t->to->gc, key, time(NULL) + wq_gc_delay(t->to->gc));
		break;
	case NOTIFY_KEY_INVALIDATED:
		key->state.life = WQ_KEY_INVALIDATED;
		break;
	default:
		changed(t, key, subtype == NOTIFY_KEY_UPDATED);
		break;
	}
}

bool wq_apply(const struct wq_telling *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	switch (subtype) {
	case NOTIFY_KEY_LINKED:
		linked(t, key, (int32_t)aux);
		return true;
	case NOTIFY_KEY_UNLINKED:
		unlinked(t, key, (int32_t)aux);
		return true;
	case NOTIFY_KEY_CLEARED:
		cleared(t, key);
		return true;
	default:
		break;
	}
	if (!is_confirmed(t, key, subtype)) {
		look_instead(t, key);
		return false;
	}
	if (is_told_by_first(key, subtype))
		wq_debug_keys("key %d: %s is not posted: another thread was first", key->serial,
			wq_subtype_name(WATCH_TYPE_KEY_NOTIFY, subtype));
	else
		notify(t, key, subtype, aux);
	take_in(t, key, subtype);
	return true;
}

void wq_apply_change(const struct wq_applier *to, const struct wq_change *change)
{
	const enum key_notification_subtype subtype =
		(enum key_notification_subtype)change->subtype;
	struct wq_key *key =
		watched_at(to->model, change->serial, change->at_ns, change->who.pid);

	if (!key)
		return;
	wq_post_change(key, subtype, change->aux, &change->who, change->at_ns);
	if (subtype == NOTIFY_KEY_REVOKED && key->state.life < WQ_KEY_REVOKED)
		key->state.life = WQ_KEY_REVOKED;
	if (subtype == NOTIFY_KEY_INVALIDATED)
		key->state.life = WQ_KEY_INVALIDATED;
	if (subtype != NOTIFY_KEY_SETATTR)
		return;
	key->attrs_told = true;
	wq_compare_refresh_soon(to->compare, key);
}

void wq_apply_destroyed(const struct wq_applier *to, const struct wq_destroyed *destroyed)
{
	struct wq_key *key = watched_at(to->model, destroyed->serial, destroyed->at_ns, 0);

	if (!key)
		return;
	wq_model_destroyed(key);
	wq_watch_list_remove(&key->watchers, (uint64_t)destroyed->serial);
}
