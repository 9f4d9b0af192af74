/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <stdlib.h>

#include "base/log.h"
#include "keys/infer.h"
#include "keys/snapshot.h"

/* A keyring that add_key() has made is a session keyring only if somebody has joined it. */
static bool may_be_session(const struct wq_key *ring)
{
	const struct wq_serials *serials = &ring->model->serials;
	bool made = wq_serials_known(serials, ring->serial, WQ_SERIALS_TRACED, 0);

	return !made || wq_serials_known(serials, ring->serial, WQ_SERIALS_JOINED, UINT64_MAX);
}

/* Could RING be meant by ID? 0 stands for any keyring. */
static bool may_be_called(const struct wq_key *ring, int32_t id)
{
	return wq_ring_may_be_called(ring, id) &&
	       (id != KEY_SPEC_SESSION_KEYRING || may_be_session(ring));
}

/* Is RING the keyring, by what it holds now and held before? */
static bool fits(const struct wq_key *ring, enum wq_inference what, int32_t serial)
{
	const bool had = wq_key_member_find(&ring->state, serial) != NULL;
	int holds;

	if (!wq_key_has_members(ring) ||
		((what == WQ_INFER_LINKED || what == WQ_INFER_FOUND) && had) ||
		(what == WQ_INFER_UNLINKED && !had) ||
		(what == WQ_INFER_CLEARED && !ring->state.len))
		return false;
	holds = wq_key_reader_holds(ring->model->reader, &ring->view, ring->serial, serial);
	switch (what) {
	case WQ_INFER_LINKED:
	case WQ_INFER_FOUND:
		return holds == WQ_HOLDS_IT;
	case WQ_INFER_UNLINKED:
		return holds == WQ_HOLDS_OTHERS || holds == WQ_HOLDS_NOTHING;
	case WQ_INFER_CLEARED:
	case WQ_INFER_SETATTR:
		break;
	}
	return holds == WQ_HOLDS_NOTHING;
}

/* Could the operation have been on RING without a visible change? */
static bool may_be_unseen(const struct wq_key *ring, enum wq_inference what, int32_t serial)
{
	if (what == WQ_INFER_FOUND)
		return false;
	if (!wq_key_has_members(ring))
		return true;
	switch (what) {
	case WQ_INFER_LINKED:
		return wq_key_member_find(&ring->state, serial) != NULL;
	case WQ_INFER_CLEARED:
		return ring->state.len == 0;
	case WQ_INFER_FOUND:
	case WQ_INFER_UNLINKED:
	case WQ_INFER_SETATTR:
		break;
	}
	return false;
}

/* Could KEY be the keyring that M is about? */
static bool may_be_it(const struct wq_key *key, const struct wq_missed *m)
{
	return may_be_called(key, m->id) &&
	       wq_may_mean(&m->actor, m->id, m->rights, &key->state);
}

bool wq_infer_may_have_missed(const struct wq_key *key, const void *missed)
{
	const struct wq_missed *m = missed;

	return may_be_it(key, m) &&
	       (m->what == WQ_INFER_SETATTR || may_be_unseen(key, m->what, m->serial));
}

static const enum key_notification_subtype subtypes[] = {
	[WQ_INFER_LINKED] = NOTIFY_KEY_LINKED,
	[WQ_INFER_FOUND] = NOTIFY_KEY_LINKED,
	[WQ_INFER_UNLINKED] = NOTIFY_KEY_UNLINKED,
	[WQ_INFER_CLEARED] = NOTIFY_KEY_CLEARED,
	[WQ_INFER_SETATTR] = NOTIFY_KEY_SETATTR,
};

/* Notes that WHAT with SERIAL was done to the keyring that T's operation called ID. Finds out
 * who did it only where that matters; for a report it does not, because its reporter must be
 * believed for each keyring. */
static const struct wq_missed *note_missed(const struct wq_statement *t, struct wq_outcome *o,
	int32_t id, enum wq_inference what, int32_t serial)
{
	struct wq_missed *m = &o->missed[o->nmissed];

	assert(o->nmissed < WQ_MISSED_MAX);
	o->nmissed++;
	*m = (struct wq_missed){.id = id,
		.rights = wq_operation_rights(t->op->op, subtypes[what]),
		.what = what,
		.serial = serial};
	if (id < 0 && !t->caller)
		m->actor = t->meaning.actor;
	return m;
}

/* Those who may have missed M, the last one noted, get a LOSS. */
static void lose(struct wq_outcome *o)
{
	wq_outcome_add(o, WQ_STEP_LOSS)->missed = o->nmissed - 1;
}

/* We cannot attribute the operation to a keyring. A scan finds any visible change; where the
 * change may be invisible, the watches get a LOSS. So no record is made up, and none is
 * silently missing. */
static void note_unattributed(
	const struct wq_statement *t, struct wq_outcome *o, const struct wq_missed *m)
{
	wq_debug_keys("keyring %d of thread %d is unknown: all keys are scanned", m->id,
		(int)t->op->tid);
	if (!t->caller)
		lose(o);
	o->scan_soon = true;
}

/* Attributes the operation to those of the N RINGS that show it. True: at least one does. */
static bool infer(const struct wq_statement *t, struct wq_outcome *o, const struct wq_missed *m,
	const int32_t *rings, unsigned int n)
{
	const enum key_notification_subtype subtype = subtypes[m->what];
	const unsigned int before = o->n;

	for (unsigned int i = 0; i < n; i++) {
		const struct wq_key *ring = wq_registry_find(&t->model->registry, rings[i]);

		if (ring && !ring->zombie && may_be_it(ring, m) &&
			wq_statement_watched(t, ring->serial) &&
			wq_statement_is_believed(t, ring, subtype) &&
			fits(ring, m->what, m->serial))
			wq_outcome_change(o, WQ_STEP_CHANGE, rings[i], subtype,
				(uint32_t)m->serial, true);
	}
	return o->n > before;
}

static bool begin_work(const struct wq_statement *t, struct wq_work *work, int32_t id)
{
	if (wq_work_begin(work, &t->model->inferring, t->meaning.payer))
		return true;
	wq_debug_keys("keyring %d of thread %d is not inferred: user %d has no time left", id,
		(int)t->op->tid, (int)t->meaning.payer);
	return false;
}

/* Decides by the difference that the operation, on the keyring called ID, has made in a watched
 * keyring. Inferring costs more than the operations that cause it, so it may take only the
 * user's share of the time. If nobody watches a keyring that may be meant, there is nothing to
 * infer. */
void wq_infer(const struct wq_statement *t, struct wq_outcome *o, int32_t id,
	enum wq_inference what, int32_t serial)
{
	const struct wq_registry *registry = &t->model->registry;
	int32_t rings[WQ_INFER_AT_ONCE];
	const struct wq_missed *m;
	struct wq_work work;
	unsigned int n;
	bool any;

	if (what == WQ_INFER_UNLINKED && serial > 0)
		wq_fates_note_unlinked(&t->model->fates, serial);
	n = wq_rings_called(&registry->rings, id, rings, WQ_INFER_AT_ONCE);
	if (n == 0 && TAILQ_EMPTY(&registry->zombies)) {
		wq_debug_keys("keyring %d of thread %d: nothing is posted: nobody watches one "
			      "that it may stand for",
			id, (int)t->op->tid);
		return;
	}
	m = note_missed(t, o, id, what, serial);
	if (serial < 0 || n > WQ_INFER_AT_ONCE || !begin_work(t, &work, id)) {
		note_unattributed(t, o, m);
		return;
	}
	any = infer(t, o, m, rings, n);
	wq_work_end(&work);
	if (!any)
		note_unattributed(t, o, m);
}

void wq_infer_setattr(const struct wq_statement *t, struct wq_outcome *o, int32_t id)
{
	note_missed(t, o, id, WQ_INFER_SETATTR, 0);
	lose(o);
}

/* A new member of RING which fails with ERROR, as a request for it did; few are asked. 0: none
 * is seen. */
static int32_t find_negative(struct wq_key *ring, int error)
{
	const struct wq_key_state *now = &ring->model->scratch;
	unsigned int asked = 0;

	if (wq_snapshot(ring) < 0 || now->life != WQ_KEY_ALIVE ||
		now->payload != WQ_PAYLOAD_MEMBERS)
		return 0;
	for (size_t i = 0; i < now->len && asked < WQ_INFER_AT_ONCE; i++) {
		const int32_t member = now->members[i].serial;

		if (wq_key_member_find(&ring->state, member))
			continue;
		if (wq_key_reader_constructed(ring->model->reader, member) == error)
			return member;
		asked++;
	}
	return 0;
}

static int32_t look_for_negative(const struct wq_statement *t, struct wq_key *ring)
{
	struct wq_work work;
	int32_t found;

	if (!wq_key_has_members(ring) || !begin_work(t, &work, ring->serial))
		return 0;
	found = find_negative(ring, (int)t->op->result);
	wq_work_end(&work);
	return found;
}

void wq_infer_negative(const struct wq_statement *t, struct wq_outcome *o, struct wq_key *ring)
{
	const bool may_be_missed = !t->caller || !wq_key_has_members(ring);
	const int32_t found = look_for_negative(t, ring);

	if (found)
		wq_outcome_change(o, WQ_STEP_CHANGE, ring->serial, NOTIFY_KEY_LINKED,
			(uint32_t)found, true);
	else if (t->op->arg[1] && may_be_missed)
		wq_outcome_change(o, WQ_STEP_UNSEEN, ring->serial, NOTIFY_KEY_LINKED, 0, false);
	else
		o->scan_soon = true; /* of a key that is constructed nothing can be said yet */
}
