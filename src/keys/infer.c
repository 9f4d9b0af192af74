/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <stdlib.h>

#include "base/log.h"
#include "keys/infer.h"
#include "keys/post.h"

#define RINGS_AT_ONCE 32 /* keyrings looked at for one operation; more take a round */

/* A special keyring that cannot be told, and by whom it was meant. */
struct meant {
	int32_t id;
	uint8_t rights; /* of which its use took one */
	struct wq_actor actor;
};

/* A keyring that add_key() made is a session's only once somebody has joined it. */
static bool may_be_session(const struct wq_key *ring)
{
	const struct wq_serials *serials = &ring->model->serials;
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
		break;
	}
	return holds == WQ_HOLDS_NOTHING;
}

/* The operation may have been on RING, and have changed nothing that can be seen. */
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
		break;
	}
	return false;
}

/* Who did it is asked when it matters only; of a report, whose reporter has to be believed of
 * each keyring, not at all. */
static struct meant meant_by(
	const struct wq_telling *t, int32_t id, enum key_notification_subtype subtype)
{
	struct meant m = {.id = id, .rights = wq_operation_rights(t->op->op, subtype)};

	if (id < 0 && !t->caller)
		wq_actors_find(t->to->resolve->actors, t->op, id, &m.actor);
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
	enum wq_inference what;
	int32_t serial;
};

static bool is_unseen(const struct wq_key *key, const void *arg)
{
	const struct unseen *u = arg;

	return may_be_it(key, u->meant) && may_be_unseen(key, u->what, u->serial);
}

/* A look at all keys finds what it changed, and where it may have changed nothing that one
 * sees the loss is told: nothing is made up, and nothing is passed over. */
static void cannot_tell(const struct wq_telling *t, const struct meant *meant,
	enum wq_inference what, int32_t serial)
{
	const struct unseen u = {meant, what, serial};

	wq_debug_keys("keyring %d of thread %d cannot be told: a look at every key", meant->id,
		(int)t->tid);
	if (!t->caller)
		wq_post_loss(t->model, is_unseen, &u);
	*t->consequences |= WQ_SCAN_SOON;
}

static const enum key_notification_subtype subtypes[] = {
	[WQ_INFER_LINKED] = NOTIFY_KEY_LINKED,
	[WQ_INFER_FOUND] = NOTIFY_KEY_LINKED,
	[WQ_INFER_UNLINKED] = NOTIFY_KEY_UNLINKED,
	[WQ_INFER_CLEARED] = NOTIFY_KEY_CLEARED,
};

/* Tells WHAT of those of the N RINGS that show it. True: of one at least. */
static bool infer(const struct wq_telling *t, const struct meant *meant, enum wq_inference what,
	int32_t serial, const int32_t *rings, unsigned int n)
{
	const enum key_notification_subtype subtype = subtypes[what];
	struct wq_model *m = t->model;
	bool any = false;

	/* by serial: one may turn out to be gone, or end another's watch */
	for (unsigned int i = 0; i < n; i++) {
		struct wq_key *ring = wq_registry_find(&m->registry, rings[i]);

		if (!ring || ring->zombie || !may_be_it(ring, meant) ||
			!wq_telling_watched(t, ring->serial) ||
			!wq_telling_is_believed(t, ring, subtype) || !fits(ring, what, serial))
			continue;
		any = true;
		wq_apply(t, ring, subtype, (uint32_t)serial);
		/* the difference may be another's, whose operation is on its way */
		wq_ledger_note(
			&m->ledger, rings[i], (uint8_t)subtype, (uint32_t)serial, wq_now_ns());
	}
	return any;
}

/* Decided by the difference that the operation, on the keyring that was named ID, made in one
 * of those that are watched. Guesses cost more than the operations that ask for them: they may
 * take their user's share of the time. Where nobody watches what may be meant there is nothing
 * to guess. */
void wq_infer(const struct wq_telling *t, int32_t id, enum wq_inference what, int32_t serial)
{
	struct wq_registry *registry = &t->model->registry;
	int32_t rings[RINGS_AT_ONCE];
	struct wq_work work;
	struct meant meant;
	unsigned int n;
	bool any;

	if (what == WQ_INFER_UNLINKED && serial > 0)
		wq_fates_note_unlinked(&t->model->fates, serial);
	n = wq_rings_called(&registry->rings, id, rings, RINGS_AT_ONCE);
	if (n == 0 && TAILQ_EMPTY(&registry->zombies)) {
		wq_debug_keys("keyring %d of thread %d: nothing is posted: nobody watches one "
			      "that it may stand for",
			id, (int)t->tid);
		return;
	}
	meant = meant_by(t, id, subtypes[what]);
	if (serial < 0 || n > RINGS_AT_ONCE ||
		!wq_work_begin(&work, &t->model->guesses, wq_telling_payer(t))) {
		cannot_tell(t, &meant, what, serial);
		return;
	}
	any = infer(t, &meant, what, serial, rings, n);
	wq_work_end(&work);
	if (!any)
		cannot_tell(t, &meant, what, serial);
}

void wq_infer_setattr(const struct wq_telling *t, int32_t id)
{
	const struct meant meant = meant_by(t, id, NOTIFY_KEY_SETATTR);

	wq_post_loss(t->model, may_be_it, &meant);
}
