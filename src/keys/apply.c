/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/array_size.h"
#include "base/log.h"
#include "keys/apply.h"
#include "keys/post.h"
#include "record/names.h"

#define SAID_S 2 /* around a reported timeout */

/* Posts as the kernel's notify_key() does, unless a difference has been posted for it. */
static void notify(const struct wq_statement *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	const struct wq_operation *op = t->op;

	key->reports++;
	if (wq_ledger_claim(
		    &t->model->ledger, key->serial, (uint8_t)subtype, aux, op->begin_ns))
		wq_debug_keys(
			"key %d: not posted: a difference was, for the operation of thread %d",
			key->serial, (int)op->tid);
	else
		wq_post_change(key, subtype, aux, &t->meaning.who, op->end_ns);
}

/* KEY was updated. For these types that ends a timeout, of which the kernel does not tell
 * (user_update(), big_key_update()). */
static void end_timeout(struct wq_key *key)
{
	static const char *const types[] = {"user", "logon", "big_key"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (wq_key_is_type(&key->state, types[i]))
			wq_apply_timeout(key, 0);
}

/* The next snapshot will show a change that was reported. When wqfs polls it is taken at once,
 * so that later changes by others stay differences. If a source reports operations it can wait,
 * because the source reports those. */
static unsigned int changed(const struct wq_statement *t, struct wq_key *key, bool payload)
{
	wq_model_notice(key);
	/* what a pass has read of it may be older */
	key->proc.reported_ns = wq_now_ns();
	if (payload)
		end_timeout(key);
	if (t->caller) {
		if (payload) /* its length is unknown now */
			key->proc.len = -1;
		return WQ_THEN_REFRESH_NOW;
	}
	key->proc.pass = 0;
	if (payload)
		key->payload_reported = true;
	else
		key->attrs_reported = true;
	return WQ_THEN_REFRESH;
}

/* The member list no longer matches its digest. */
static void members_changed(struct wq_key *ring)
{
	memset(ring->state.digest, 0, sizeof(ring->state.digest));
}

/* The member with the type and description NAME, other than SERIAL; 0: there is none. */
static int32_t namesake(const struct wq_key *ring, uint64_t name, int32_t serial)
{
	for (size_t i = 0; name && i < ring->state.len; i++)
		if (ring->state.members[i].name == name &&
			ring->state.members[i].serial != serial)
			return ring->state.members[i].serial;
	return 0;
}

/* Remembers the name of a member that was displaced. That member may have ended, and may still
 * be named in an unlink. */
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

/* Does RING hold SERIAL, or anything if SERIAL is 0? */
static bool holds(const struct wq_key *ring, int32_t serial)
{
	int r = wq_key_reader_holds(ring->model->reader, &ring->view, ring->serial, serial);

	return serial ? r == WQ_HOLDS_IT : r == WQ_HOLDS_IT || r == WQ_HOLDS_OTHERS;
}

/* If a process has reported a change of RING, checks whether RING shows it: RING should hold
 * SERIAL (anything if that is 0) if HELD, and not hold it otherwise. A false report must not
 * hide a later change that nobody reports. */
static unsigned int verify(
	const struct wq_statement *t, const struct wq_key *ring, int32_t serial, bool held)
{
	return t->caller && wq_key_has_members(ring) && holds(ring, serial) != held
		       ? WQ_THEN_COMPARE
		       : 0;
}

/* Is there a member of RING whose name could not be read? */
static bool has_nameless(const struct wq_key *ring)
{
	for (size_t i = 0; i < ring->state.len; i++)
		if (!ring->state.members[i].name)
			return true;
	return false;
}

/* T may have taken a member of RING whose name, or T's key's, could not be read. A report must
 * not hide what others do, nor what is handled late something that was done after the last
 * snapshot. */
static void note_nameless(const struct wq_statement *t, struct wq_key *ring)
{
	if (!t->caller && t->op->end_ns > ring->seen_ns)
		ring->nameless++;
}

static unsigned int linked(const struct wq_statement *t, struct wq_key *ring, int32_t serial)
{
	if (wq_key_has_members(ring)) {
		uint64_t name = wq_key_reader_name(t->model->reader, &ring->view, serial);
		int32_t displaced = namesake(ring, name, serial);

		if (displaced) {
			note_name(t->model, displaced, name);
			wq_key_member_del(&ring->state, displaced);
		}
		if (!displaced && (!name || has_nameless(ring)))
			note_nameless(t, ring);
		if (wq_key_member_add(&ring->state, serial, name) < 0)
			wq_log(WQ_LOG_ERR, "no memory for a member of keyring %d",
				ring->serial);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_LINKED, (uint32_t)serial);
	return verify(t, ring, serial, true);
}

/* The kernel removes the member that has the type and description of SERIAL, and
 * posts SERIAL. */
static unsigned int unlinked(const struct wq_statement *t, struct wq_key *ring, int32_t serial)
{
	int32_t removed = serial;
	uint64_t name = 0;

	if (wq_key_has_members(ring)) {
		if (!wq_key_member_find(&ring->state, serial)) {
			name = name_of(ring, serial);
			removed = namesake(ring, name, serial);
		}
		if (removed)
			wq_key_member_del(&ring->state, removed);
		else if (!name || has_nameless(ring))
			note_nameless(t, ring);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_UNLINKED, (uint32_t)serial);
	return verify(t, ring, removed ? removed : serial, false);
}

static unsigned int cleared(const struct wq_statement *t, struct wq_key *ring)
{
	if (wq_key_has_members(ring)) {
		ring->state.len = 0;
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_CLEARED, 0);
	return verify(t, ring, 0, false);
}

/* ---- attributes, payload, life ---- */

/* What is reported late of a key that was destroyed was done while it lived. */
static enum wq_key_life *life_of(struct wq_key *key)
{
	return key->zombie ? &key->last_life : &key->state.life;
}

/* If two threads revoke a key at the same time both succeed, and the kernel
 * posts one record. */
static bool was_posted_before(struct wq_key *key, enum key_notification_subtype subtype)
{
	const enum wq_key_life life = *life_of(key);

	return (subtype == NOTIFY_KEY_REVOKED && life >= WQ_KEY_REVOKED) ||
	       (subtype == NOTIFY_KEY_INVALIDATED && life >= WQ_KEY_INVALIDATED);
}

/* Changes the model of KEY as SUBTYPE says. */
static unsigned int change_model(
	const struct wq_statement *t, struct wq_key *key, enum key_notification_subtype subtype)
{
	switch (subtype) {
	case NOTIFY_KEY_REVOKED:
		if (*life_of(key) < WQ_KEY_REVOKED)
			*life_of(key) = WQ_KEY_REVOKED;
		return WQ_THEN_EXPECT_END;
	case NOTIFY_KEY_INVALIDATED:
		*life_of(key) = WQ_KEY_INVALIDATED;
		return 0;
	default:
		return changed(t, key, subtype == NOTIFY_KEY_UPDATED);
	}
}

static unsigned int apply(const struct wq_statement *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	switch (subtype) {
	case NOTIFY_KEY_LINKED:
		return linked(t, key, (int32_t)aux);
	case NOTIFY_KEY_UNLINKED:
		return unlinked(t, key, (int32_t)aux);
	case NOTIFY_KEY_CLEARED:
		return cleared(t, key);
	default:
		break;
	}
	if (was_posted_before(key, subtype))
		wq_debug_keys("key %d: %s is not posted: another thread was first", key->serial,
			wq_subtype_name(WATCH_TYPE_KEY_NOTIFY, subtype));
	else
		notify(t, key, subtype, aux);
	return change_model(t, key, subtype);
}

unsigned int wq_apply(
	const struct wq_statement *t, const struct wq_change *change, bool is_inferred)
{
	struct wq_key *key = wq_registry_find(&t->model->registry, change->serial);
	unsigned int then;

	if (!key) /* an earlier change of this operation has ended its watches */
		return 0;
	then = apply(t, key, (enum key_notification_subtype)change->subtype, change->aux);
	if (is_inferred)
		wq_ledger_note(&t->model->ledger, change->serial, change->subtype, change->aux,
			wq_now_ns());
	return then;
}

void wq_apply_known(const struct wq_statement *t, const struct wq_change *change)
{
	wq_ledger_claim(&t->model->ledger, change->serial, change->subtype, change->aux,
		t->op->begin_ns);
}

void wq_apply_timeout(struct wq_key *key, time_t at)
{
	key->proc.is_said = true;
	key->proc.said = at ? (struct wq_expiry){at - SAID_S, at + SAID_S} : wq_expiry_never;
}

/* ---- by snapshots ---- */

/* NEW becomes the model. The buffers are swapped, not freed. */
void wq_apply_snapshot(struct wq_key *key, struct wq_key_state *new)
{
	struct wq_key_state *state = &key->state, old;

	assert(new != state && !key->zombie);
	if (new->life != WQ_KEY_ALIVE) {
		state->life = new->life;
		return;
	}
	old = *state;
	*state = *new;
	*new = old;
}

/* An operation has set KEY's attributes so that we may no longer see them. They are unknown
 * until we see them again. */
static void absorb_hidden(struct wq_key *key)
{
	if (!key->attrs_reported)
		return;
	key->state.life = WQ_KEY_HIDDEN;
	key->state.perm = 0;
	key->attrs_reported = false;
}

/* Puts what operations have reported, and NEW shows, into the model, before NEW is compared
 * with it. 0; -ENOMEM: not done yet. */
int wq_apply_reported(struct wq_key *key, const struct wq_key_state *now)
{
	struct wq_key_state *old = &key->state;
	int r;

	if (now->life == WQ_KEY_HIDDEN)
		absorb_hidden(key);
	if (now->life != WQ_KEY_ALIVE)
		return 0;
	r = key->attrs_reported ? wq_key_state_copy_attrs(old, now) : 0;
	if (r < 0)
		return r;
	if (key->attrs_reported && old->life == WQ_KEY_HIDDEN)
		old->life = WQ_KEY_ALIVE; /* the report covers that we see them again */
	if (key->payload_reported && old->payload == now->payload &&
		now->payload == WQ_PAYLOAD_DIGEST) {
		old->len = now->len;
		memcpy(old->digest, now->digest, sizeof(old->digest));
	}
	key->payload_reported = key->attrs_reported = false;
	return 0;
}

void wq_apply_difference(
	struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux)
{
	wq_debug_keys("key %d: a snapshot shows a difference", key->serial);
	if (subtype == NOTIFY_KEY_UPDATED)
		end_timeout(key);
	wq_post_change(key, subtype, aux, NULL, UINT64_MAX);
	wq_ledger_note(&key->model->ledger, key->serial, (uint8_t)subtype, aux, wq_now_ns());
}

/* ---- by sources that know more ---- */

unsigned int wq_apply_change(struct wq_model *m, const struct wq_change *change)
{
	const enum key_notification_subtype subtype =
		(enum key_notification_subtype)change->subtype;
	struct wq_key *key = wq_watched_at(m, change->serial, change->at_ns, change->who.pid);

	if (!key)
		return 0;
	wq_post_change(key, subtype, change->aux, &change->who, change->at_ns);
	if (subtype == NOTIFY_KEY_REVOKED && key->state.life < WQ_KEY_REVOKED)
		key->state.life = WQ_KEY_REVOKED;
	if (subtype == NOTIFY_KEY_INVALIDATED)
		key->state.life = WQ_KEY_INVALIDATED;
	if (subtype != NOTIFY_KEY_SETATTR)
		return 0;
	wq_model_notice(key);
	key->attrs_reported = true;
	return WQ_THEN_REFRESH;
}

void wq_apply_destroyed(struct wq_model *m, const struct wq_destroyed *destroyed)
{
	struct wq_key *key = wq_watched_at(m, destroyed->serial, destroyed->at_ns, 0);

	if (!key)
		return;
	wq_model_destroyed(key);
	if (!wq_outbox_empty(&m->outbox)) /* earlier posts come first; the rest follows then */
		return;
	if (key->watchers.walks ||
		!wq_watch_list_remove_until(&key->watchers, (uint64_t)destroyed->serial, 0))
		wq_timer_set(m->loop, &m->zombies_timer, 0);
}
