/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
	const struct wq_operation *op = t->op;
	int32_t serial = op->arg[0];
	uint32_t by = author(t);
	uint64_t since_ns = op->end_ns;

	switch (op->op) {
	case WQFS_REPORT_ADD_KEY:
		/* only one operation creates a key: all others that return it
		 * have updated it */
		since_ns = 0;
		serial = op->result;
		break;
	case WQFS_REPORT_REQUEST_KEY:
	case KEYCTL_SEARCH:
		serial = op->result;
		break;
	case KEYCTL_GET_KEYRING_ID:
	case KEYCTL_JOIN_SESSION_KEYRING:
		if (by == WQ_SERIALS_TRACED)
			by = WQ_SERIALS_JOINED;
		serial = op->result;
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

/* Is it known that the key SERIAL existed before T's operation? */
static bool is_older(const struct wq_statement *t, int32_t serial)
{
	const struct wq_key *key = wq_registry_find(&t->model->registry, serial);

	return (key && key->since_ns <= t->op->begin_ns) ||
	       wq_serials_known(&t->model->serials, serial, author(t), t->op->begin_ns);
}

/* Did the key SERIAL, which add_key() has returned, exist before that call? */
static bool was_there(const struct wq_statement *t, int32_t serial)
{
	return serial == t->op->arg[1] || is_older(t, serial);
}

/* add_key() has made SERIAL, as far as is known, and keyring RING holds it: a snapshot may have
 * shown it; or add_key() has updated a key that nobody watches. There is no
 * record of a link. */
static bool is_member_already(const struct wq_statement *t, int32_t ring, int32_t serial)
{
	const struct wq_key *into =
		ring > 0 ? wq_registry_find(&t->model->registry, ring) : NULL;

	return t->op->op == WQFS_REPORT_ADD_KEY && into && wq_key_has_members(into) &&
	       wq_statement_is_believed(t, into, NOTIFY_KEY_LINKED) &&
	       wq_key_member_find(&into->state, serial);
}

/* SUBTYPE was done to the keyring that the operation calls ID, with MEMBER: below 0 if that is
 * unknown, and 0 if there is none. */
static void changed_ring(const struct wq_statement *t, struct wq_outcome *o, int32_t id,
	enum key_notification_subtype subtype, enum wq_inference what, int32_t member)
{
	const int32_t ring = keyring_of(t, id);
	struct wq_key *key;

	if (ring < 0) {
		wq_infer(t, o, id, what, member);
		return;
	}
	if (subtype == NOTIFY_KEY_LINKED && is_member_already(t, ring, member)) {
		wq_debug_keys("key %d: linked (%d) is not posted: it was a member already",
			ring, member);
		wq_outcome_change(o, WQ_STEP_KNOWN, ring, subtype, (uint32_t)member, false);
		return;
	}
	key = subject(t, o, ring, subtype);
	if (key && member < 0)
		wq_infer(t, o, ring, what, member);
	else if (key)
		change(o, key, subtype, (uint32_t)member);
}

/* Does SERIAL belong to the caller, who reports its death? Root, and the user who runs the
 * daemon, may report the death of any key. */
static bool is_reporters(const struct wq_statement *t, int32_t serial)
{
	struct wq_key_state *s = &t->model->scratch;
	struct wq_view_cred as;

	if (t->caller->uid == 0 || t->caller->uid == geteuid())
		return true;
	as = (struct wq_view_cred){.other = true, .uid = t->caller->uid, .gid = t->caller->gid};
	return wq_key_reader_describe(t->model->reader, &as, serial, s) == 0 &&
	       s->life == WQ_KEY_ALIVE && s->uid == t->caller->uid;
}

/* Usually nobody watches a member that dies. If it is later missing, this says why. A revoked
 * or invalidated key shows its state, unless it is destroyed already. */
static void note_death(const struct wq_statement *t)
{
	const struct wq_operation *op = t->op;
	const bool is_timeout = op->op == KEYCTL_SET_TIMEOUT;
	uint32_t seconds = is_timeout ? (uint32_t)op->arg[1] : 0;
	time_t at = is_timeout && !seconds ? 0 : time(NULL) + (time_t)seconds;
	int32_t serial = op->arg[0];

	if (!wq_operation_is_of_life(op->op))
		return;
	if (t->caller && !is_timeout &&
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

/* The time that is set for KEY is counted from the end of the operation. */
static void note_timeout(
	const struct wq_statement *t, struct wq_outcome *o, const struct wq_key *key)
{
	uint32_t seconds = (uint32_t)t->op->arg[1];
	time_t since = (time_t)((wq_now_ns() - t->op->end_ns) / WQ_NSEC_PER_SEC);

	o->timeout_of = key->serial;
	o->timeout_at = seconds ? time(NULL) - since + (time_t)seconds : 0;
}

/* SUBTYPE was done to the key that the operation calls ID, and that is no change of a keyring's
 * members. */
static void changed_key(const struct wq_statement *t, struct wq_outcome *o, int32_t id,
	enum key_notification_subtype subtype, uint32_t aux)
{
	int32_t serial = key_named(t, id);
	struct wq_key *key;

	if (serial < 0) {
		/* the new attributes may be the old ones */
		if (!t->caller && subtype == NOTIFY_KEY_SETATTR)
			wq_infer_setattr(t, o, id);
		o->scan_soon = true;
		return;
	}
	key = subject(t, o, serial, subtype);
	if (!key)
		return;
	if (!is_confirmed(t, key, subtype)) {
		wq_outcome_change(o, WQ_STEP_COMPARE, serial, subtype, 0, false);
		return;
	}
	change(o, key, subtype, aux);
	if (t->op->op == KEYCTL_SET_TIMEOUT)
		note_timeout(t, o, key);
}

/* What infer.c is asked if the keyring that a record of SUBTYPE is about is unknown. False:
 * such a record is about any key, and not about the members of a keyring. */
static bool inference_of(enum key_notification_subtype subtype, enum wq_inference *what)
{
	switch (subtype) {
	case NOTIFY_KEY_LINKED:
		*what = WQ_INFER_LINKED;
		return true;
	case NOTIFY_KEY_UNLINKED:
		*what = WQ_INFER_UNLINKED;
		return true;
	case NOTIFY_KEY_CLEARED:
		*what = WQ_INFER_CLEARED;
		return true;
	default:
		return false;
	}
}

/* T's operation, which is OP with the serials that were meant, has posted POST. */
static void posted(const struct wq_statement *t, struct wq_outcome *o,
	const struct wq_operation *op, const struct wq_op_post *post)
{
	const int32_t id = wq_operation_number(t->op, post->key);
	const int32_t aux = wq_operation_aux(op, post);
	enum wq_inference what;

	if (!inference_of(post->subtype, &what))
		changed_key(t, o, id, post->subtype, (uint32_t)aux);
	else if (t->op->op == WQFS_REPORT_REQUEST_KEY && !id) {
		/* A key that was found is not linked, and a new one is linked into the default
		 * keyring. Who looks for the link of a found one may see a later one. */
		if (!is_older(t, aux))
			wq_infer(t, o, 0, WQ_INFER_FOUND, aux);
	} else if (wq_operation_kind(op, post->key) == WQ_ARG_DEST && id < 0)
		/* any special keyring stands for the requestor's */
		wq_infer(t, o, 0, what, aux);
	else
		changed_ring(t, o, id, post->subtype, what, aux);
}

/* OP, which posts nothing, would post POST if its arguments were others. */
static void say_idle(const struct wq_operation *op, const struct wq_op_post *post)
{
	static const char *const why[] = {
		[WQ_POST_IF_MOVED] = "the move is from this keyring to itself",
		[WQ_POST_IF_CHOWNED] = "neither a user nor a group was given",
	};

	if (why[post->when])
		wq_debug_keys("key %d: nothing is posted: %s",
			wq_operation_number(op, post->key), why[post->when]);
}

/* T's operation, with the serials of the keyrings that were meant as far as they are known. */
static struct wq_operation as_meant(const struct wq_statement *t)
{
	struct wq_operation op = *t->op;

	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (t->meaning.is_special[i] && t->meaning.serial[i])
			op.arg[i] = t->meaning.serial[i];
	if (op.op == WQFS_REPORT_ADD_KEY)
		op.made = was_there(t, op.result) ? WQ_MADE_UPDATED : WQ_MADE_CREATED;
	return op;
}

static void interpret(const struct wq_statement *t, struct wq_outcome *o)
{
	const struct wq_operation_type *type = wq_operation_find(t->op->op);
	const struct wq_operation meant = as_meant(t);

	if (!type)
		return;
	if (wq_operation_is_idle(&meant)) {
		say_idle(&meant, &type->posts[0]);
		return;
	}
	note_death(t);
	for (int i = 0; i < WQ_OP_POSTS; i++)
		if (wq_operation_posts(&meant, &type->posts[i]))
			posted(t, o, &meant, &type->posts[i]);
	o->may_destroy = type->may_destroy;
}

/* A request that fails may have linked a negative key, and does not tell its serial. What is
 * done to the keyring next comes after that. */
static void may_have_linked(const struct wq_statement *t, struct wq_outcome *o)
{
	const int32_t id = t->op->arg[0], ring = id ? keyring_of(t, id) : -1;
	struct wq_key *key = ring > 0 ? subject(t, o, ring, NOTIFY_KEY_LINKED) : NULL;

	if (key)
		wq_infer_negative(t, o, key);
	else if (ring < 0)
		o->scan_soon = true;
}

void wq_interpret(const struct wq_statement *t, struct wq_outcome *o)
{
	const struct wq_operation *op = t->op;

	o->n = o->nmissed = 0;
	o->timeout_of = 0;
	o->may_destroy = o->scan_soon = false;
	wq_inflight_end(&t->model->inflight, op);
	if (op->result >= 0) {
		interpret(t, o);
		note_serial(t);
		return;
	}
	wq_debug_keys("key %d: nothing is posted: the operation failed", op->arg[0]);
	if (op->op == WQFS_REPORT_REQUEST_KEY)
		may_have_linked(t, o);
}
