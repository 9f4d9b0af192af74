/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/infer.h"
#include "keys/interpret.h"

/* The serial of keyring ID as the operation's thread meant it. 0: none was given, or nobody
 * watches it; below 0: unknown. */
static int32_t keyring_of(const struct wq_statement *t, int32_t id)
{
	return wq_meaning_of(&t->meaning, t->op, id);
}

/* The serial of a key that ID names; below 0 if it is a special keyring that cannot be
 * resolved. */
static int32_t key_named(const struct wq_statement *t, int32_t id)
{
	int32_t serial = keyring_of(t, id);

	return serial ? serial : id;
}

/* Who says so. A user's reports explain only that user's own operations. */
static uint32_t author(const struct wq_statement *t)
{
	return t->caller ? t->caller->uid : WQ_SERIALS_TRACED;
}

/* Remembers that the operation's key existed when it ended. */
static void note_serial(const struct wq_statement *t)
{
	const struct wq_operation *h = t->op;
	int32_t serial = h->arg[0];
	uint32_t by = author(t);
	uint64_t since_ns = h->end_ns;

	switch (h->op) {
	case WQFS_REPORT_ADD_KEY:
		/* only one operation creates a key: all others that return it have updated it
		 */
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
		wq_serials_note(&t->model->serials, serial, by, since_ns);
}

/* The watched key SERIAL, if T is news for it and is believed about it. If T is not believed,
 * adds a comparison of the key to O. */
static struct wq_key *subject(const struct wq_statement *t, struct wq_outcome *o,
	int32_t serial, enum key_notification_subtype subtype)
{
	struct wq_key *key = wq_statement_watched(t, serial);

	if (!key || wq_statement_is_believed(t, key, subtype))
		return key;
	wq_outcome_change(o, WQ_STEP_COMPARE, serial, subtype, 0, false);
	return NULL;
}

static void change(struct wq_outcome *o, const struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	wq_outcome_change(o, WQ_STEP_CHANGE, key->serial, subtype, aux, false);
}

/* SERIAL was linked into keyring ID. */
static void op_link(const struct wq_statement *t, struct wq_outcome *o, int32_t id, int32_t key)
{
	int32_t ring = keyring_of(t, id), serial = key_named(t, key);
	struct wq_key *into;

	if (ring < 0) {
		wq_infer(t, o, id, WQ_INFER_LINKED, serial);
		return;
	}
	into = subject(t, o, ring, NOTIFY_KEY_LINKED);
	if (!into)
		return;
	if (serial < 0) {
		wq_infer(t, o, ring, WQ_INFER_LINKED, serial);
		return;
	}
	change(o, into, NOTIFY_KEY_LINKED, (uint32_t)serial);
}

static void op_unlink(
	const struct wq_statement *t, struct wq_outcome *o, int32_t id, int32_t key)
{
	int32_t ring = keyring_of(t, id), serial = key_named(t, key);
	struct wq_key *from;

	if (ring < 0) {
		wq_infer(t, o, id, WQ_INFER_UNLINKED, serial);
		return;
	}
	from = subject(t, o, ring, NOTIFY_KEY_UNLINKED);
	if (!from)
		return;
	if (serial < 0)
		wq_infer(t, o, ring, WQ_INFER_UNLINKED, serial);
	else
		change(o, from, NOTIFY_KEY_UNLINKED, (uint32_t)serial);
}

static void op_clear(const struct wq_statement *t, struct wq_outcome *o, int32_t id)
{
	int32_t ring = keyring_of(t, id);
	struct wq_key *from;

	if (ring < 0) {
		wq_infer(t, o, id, WQ_INFER_CLEARED, 0);
		return;
	}
	from = subject(t, o, ring, NOTIFY_KEY_CLEARED);
	if (from)
		change(o, from, NOTIFY_KEY_CLEARED, 0);
}

static void op_move(const struct wq_statement *t, struct wq_outcome *o)
{
	const int32_t *arg = t->op->arg;

	if (key_named(t, arg[1]) == key_named(t, arg[2])) { /* the kernel does nothing */
		wq_debug_keys(
			"key %d: nothing is posted: a move of key %d from this keyring to "
			"itself",
			arg[1], arg[0]);
		return;
	}
	op_unlink(t, o, arg[1], arg[0]);
	op_link(t, o, arg[2], arg[0]);
}

/* Did the key SERIAL, which add_key() has returned, exist before that call? */
static bool was_there(const struct wq_statement *t, int32_t serial)
{
	const struct wq_key *key = wq_registry_find(&t->model->registry, serial);

	if (t->op->made != WQ_MADE_UNKNOWN)
		return t->op->made == WQ_MADE_UPDATED;
	return serial == t->op->arg[1] || (key && key->since_ns <= t->op->begin_ns) ||
	       wq_serials_known(&t->model->serials, serial, author(t), t->op->begin_ns);
}

/* The keyring holds what add_key() has returned already, so there is no record of a link. */
static void op_add_key_again(struct wq_outcome *o, int32_t ring, int32_t serial)
{
	wq_debug_keys(
		"key %d: linked (%d) is not posted: it was a member already", ring, serial);
	wq_outcome_change(o, WQ_STEP_KNOWN, ring, NOTIFY_KEY_LINKED, (uint32_t)serial, false);
}

/* add_key() has returned a new key, or an old one that it has updated. */
static void op_add_key(const struct wq_statement *t, struct wq_outcome *o)
{
	int32_t serial = t->op->result, id = t->op->arg[0], ring = keyring_of(t, id);
	struct wq_key *key;
	const struct wq_key *into =
		ring > 0 ? wq_registry_find(&t->model->registry, ring) : NULL;

	if (was_there(t, serial)) {
		key = subject(t, o, serial, NOTIFY_KEY_UPDATED);
		if (key)
			change(o, key, NOTIFY_KEY_UPDATED, 0);
		return;
	}
	if (t->op->made == WQ_MADE_UNKNOWN && into && wq_key_has_members(into) &&
		wq_statement_is_believed(t, into, NOTIFY_KEY_LINKED) &&
		wq_key_member_find(&into->state, serial))
		/* a snapshot may have shown it; or add_key() has updated a key that nobody
		 * watches */
		op_add_key_again(o, ring, serial);
	else
		op_link(t, o, id, serial);
}

static void op_request_key(const struct wq_statement *t, struct wq_outcome *o)
{
	/* Without a keyring, a key that was found is not linked, and a new one is linked into
	 * the default keyring. */
	if (t->op->arg[0])
		op_link(t, o, t->op->arg[0], t->op->result);
	else
		wq_infer(t, o, 0, WQ_INFER_FOUND, t->op->result);
}

static void op_instantiated(
	const struct wq_statement *t, struct wq_outcome *o, uint32_t aux, int32_t ring)
{
	struct wq_key *key = subject(t, o, t->op->arg[0], NOTIFY_KEY_INSTANTIATED);

	if (key)
		change(o, key, NOTIFY_KEY_INSTANTIATED, aux);
	if (ring < 0) /* any special keyring stands for the requestor's */
		wq_infer(t, o, 0, WQ_INFER_LINKED, t->op->arg[0]);
	else if (ring)
		op_link(t, o, ring, t->op->arg[0]);
}

/* Does SERIAL belong to the caller, who reports its death? Root, and the user who runs the
 * daemon, may report the death of any key. */
static bool is_reporters(const struct wq_statement *t, int32_t serial)
{
	struct wq_key_state *s = &t->model->scratch;
	struct wq_view_cred as;

	if (t->caller->uid == 0 || t->caller->uid == geteuid())
		return true;
	as = (struct wq_view_cred){true, t->caller->uid, t->caller->gid};
	return wq_key_reader_describe(t->model->reader, &as, serial, s) == 0 &&
	       s->life == WQ_KEY_ALIVE && s->uid == t->caller->uid;
}

/* Usually nobody watches a member that dies. If it is later missing, this says why. A revoked
 * or invalidated key shows its state, unless it is destroyed already. */
static void note_death(const struct wq_statement *t)
{
	const struct wq_operation *h = t->op;
	uint32_t seconds = h->op == KEYCTL_SET_TIMEOUT ? (uint32_t)h->arg[1] : 0;
	time_t at = h->op == KEYCTL_SET_TIMEOUT && !seconds ? 0 : time(NULL) + (time_t)seconds;
	int32_t serial = h->arg[0];

	if (t->caller && h->op != KEYCTL_SET_TIMEOUT &&
		wq_key_reader_life(t->model->reader, serial) < WQ_KEY_EXPIRED)
		return; /* nothing but the report says so */
	if (serial > 0 && (!t->caller || is_reporters(t, serial)))
		wq_fates_note_dead(&t->model->fates, serial, at);
}

/* The end of a key's life is visible, so a report alone is not believed. */
static bool is_confirmed(const struct wq_statement *t, const struct wq_key *key,
	enum key_notification_subtype subtype)
{
	if (!t->caller || (subtype != NOTIFY_KEY_REVOKED && subtype != NOTIFY_KEY_INVALIDATED))
		return true;
	return wq_key_reader_life(t->model->reader, key->serial) >=
	       (subtype == NOTIFY_KEY_REVOKED ? WQ_KEY_REVOKED : WQ_KEY_INVALIDATED);
}

/* The serial of the key; 0 if it is not watched, or if the report is not believed. */
static int32_t op_simple(const struct wq_statement *t, struct wq_outcome *o,
	enum key_notification_subtype subtype)
{
	int32_t serial = key_named(t, t->op->arg[0]);
	struct wq_key *key;

	if (serial < 0) {
		/* the new attributes may be the old ones */
		if (!t->caller && subtype == NOTIFY_KEY_SETATTR)
			wq_infer_setattr(t, o, t->op->arg[0]);
		o->scan_soon = true;
		return 0;
	}
	key = subject(t, o, serial, subtype);
	if (!key)
		return 0;
	if (is_confirmed(t, key, subtype)) {
		change(o, key, subtype, 0);
		return serial;
	}
	wq_outcome_change(o, WQ_STEP_COMPARE, serial, subtype, 0, false);
	return 0;
}

static void op_timeout(const struct wq_statement *t, struct wq_outcome *o)
{
	uint32_t seconds = (uint32_t)t->op->arg[1];
	time_t since = (time_t)((wq_now_ns() - t->op->end_ns) / WQ_NSEC_PER_SEC);

	o->timeout_of = op_simple(t, o, NOTIFY_KEY_SETATTR);
	o->timeout_at = seconds ? time(NULL) - since + (time_t)seconds : 0;
}

static void op_chown(const struct wq_statement *t, struct wq_outcome *o)
{
	/* without owner and group keyctl_chown_key() changes nothing and posts nothing */
	if (t->op->arg[1] != -1 || t->op->arg[2] != -1)
		op_simple(t, o, NOTIFY_KEY_SETATTR);
}

/* Longer than a page because it has one case for each operation, and nothing else. */
static void interpret(const struct wq_statement *t, struct wq_outcome *o)
{
	const struct wq_operation *h = t->op;

	switch (h->op) {
	case KEYCTL_UPDATE:
		op_simple(t, o, NOTIFY_KEY_UPDATED);
		break;
	case KEYCTL_REVOKE:
		note_death(t);
		op_simple(t, o, NOTIFY_KEY_REVOKED);
		break;
	case KEYCTL_INVALIDATE:
		note_death(t);
		op_simple(t, o, NOTIFY_KEY_INVALIDATED);
		break;
	case KEYCTL_CHOWN:
		op_chown(t, o);
		break;
	case KEYCTL_SETPERM:
	case KEYCTL_RESTRICT_KEYRING:
		op_simple(t, o, NOTIFY_KEY_SETATTR);
		break;
	case KEYCTL_SET_TIMEOUT:
		note_death(t);
		op_timeout(t, o);
		break;
	case KEYCTL_CLEAR:
		op_clear(t, o, h->arg[0]);
		break;
	case KEYCTL_LINK:
		op_link(t, o, h->arg[1], h->arg[0]);
		break;
	case KEYCTL_UNLINK:
		op_unlink(t, o, h->arg[1], h->arg[0]);
		break;
	case KEYCTL_SEARCH:
		if (!h->arg[3])
			return; /* what was found was not linked */
		op_link(t, o, h->arg[3], h->result);
		break;
	case KEYCTL_MOVE:
		op_move(t, o);
		break;
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
		op_instantiated(t, o, 0, h->arg[3]);
		break;
	case KEYCTL_NEGATE:
		op_instantiated(t, o, (uint32_t)-ENOKEY, h->arg[2]);
		break;
	case KEYCTL_REJECT:
		op_instantiated(t, o, (uint32_t)-h->arg[2], h->arg[3]);
		break;
	case KEYCTL_GET_PERSISTENT:
		op_link(t, o, h->arg[1], h->result);
		break;
	case WQFS_REPORT_ADD_KEY:
		op_add_key(t, o);
		break;
	case WQFS_REPORT_REQUEST_KEY:
		op_request_key(t, o);
		break;
	default:
		break;
	}
	o->may_destroy = wq_operation_may_destroy(h->op);
}

void wq_interpret(const struct wq_statement *t, struct wq_outcome *o)
{
	const struct wq_operation *op = t->op;

	o->n = o->nmissed = 0;
	o->timeout_of = 0;
	o->may_destroy = o->scan_soon = false;
	wq_inflight_end(&t->model->inflight, op->tid);
	if (op->result >= 0) {
		interpret(t, o);
		note_serial(t);
		return;
	}
	wq_debug_keys("key %d: nothing is posted: the operation failed", op->arg[0]);
	/* a negative key may have been linked */
	o->scan_soon = op->op == WQFS_REPORT_REQUEST_KEY;
}
