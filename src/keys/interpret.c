/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/infer.h"
#include "keys/interpret.h"

#define SAID_S 2 /* before and after a timeout, as it was reported */

/* Keyring ID as the operation's thread meant it: its serial; 0: none was given, or it is
 * one that nobody watches; below 0: it cannot be told. */
static int32_t keyring_of(const struct wq_telling *t, int32_t id)
{
	return wq_resolve_keyring(t->to->resolve, t->op, id);
}

/* A key that is named by a special keyring: its serial, or below 0. */
static int32_t key_named(const struct wq_telling *t, int32_t id)
{
	int32_t serial = keyring_of(t, id);

	return serial ? serial : id;
}

/* Who says so: what a user reports explains that user's own operations, and nobody else's. */
static uint32_t teller(const struct wq_telling *t)
{
	return t->caller ? t->caller->uid : WQ_SERIALS_TRACED;
}

/* Remembers that the operation's key existed when it ended. */
static void note_serial(const struct wq_telling *t)
{
	const struct wq_operation *h = t->op;
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
		wq_serials_note(&t->model->serials, serial, by, since_ns);
}

/* SERIAL was linked into keyring ID. */
static void op_link(const struct wq_telling *t, int32_t id, int32_t key)
{
	int32_t ring = keyring_of(t, id), serial = key_named(t, key);
	struct wq_key *into;

	if (ring < 0) {
		wq_infer(t, id, WQ_INFER_LINKED, serial);
		return;
	}
	into = wq_telling_subject(t, ring, NOTIFY_KEY_LINKED);
	if (!into)
		return;
	if (serial < 0) {
		wq_infer(t, ring, WQ_INFER_LINKED, serial);
		return;
	}
	wq_apply(t, into, NOTIFY_KEY_LINKED, (uint32_t)serial);
}

static void op_unlink(const struct wq_telling *t, int32_t id, int32_t key)
{
	int32_t ring = keyring_of(t, id), serial = key_named(t, key);
	struct wq_key *from;

	if (ring < 0) {
		wq_infer(t, id, WQ_INFER_UNLINKED, serial);
		return;
	}
	from = wq_telling_subject(t, ring, NOTIFY_KEY_UNLINKED);
	if (!from)
		return;
	if (serial < 0)
		wq_infer(t, ring, WQ_INFER_UNLINKED, serial);
	else
		wq_apply(t, from, NOTIFY_KEY_UNLINKED, (uint32_t)serial);
}

static void op_clear(const struct wq_telling *t, int32_t id)
{
	int32_t ring = keyring_of(t, id);
	struct wq_key *from;

	if (ring < 0) {
		wq_infer(t, id, WQ_INFER_CLEARED, 0);
		return;
	}
	from = wq_telling_subject(t, ring, NOTIFY_KEY_CLEARED);
	if (from)
		wq_apply(t, from, NOTIFY_KEY_CLEARED, 0);
}

static void op_move(const struct wq_telling *t)
{
	const int32_t *arg = t->op->arg;

	if (key_named(t, arg[1]) == key_named(t, arg[2])) { /* the kernel does nothing */
		wq_debug_keys(
			"key %d: nothing is posted: a move of key %d from this keyring to "
			"itself",
			arg[1], arg[0]);
		return;
	}
	op_unlink(t, arg[1], arg[0]);
	op_link(t, arg[2], arg[0]);
}

/* Was there a key SERIAL, which add_key() has returned, when that began? */
static bool was_there(const struct wq_telling *t, int32_t serial)
{
	const struct wq_key *key = wq_registry_find(&t->model->registry, serial);

	if (t->op->made != WQ_MADE_UNKNOWN)
		return t->op->made == WQ_MADE_UPDATED;
	return serial == t->op->arg[1] || (key && key->since_ns <= t->op->begin_ns) ||
	       wq_serials_known(&t->model->serials, serial, teller(t), t->op->begin_ns);
}

/* The keyring holds what add_key() returned already: no record of a link. */
static void op_add_key_again(const struct wq_telling *t, int32_t ring, int32_t serial)
{
	wq_debug_keys(
		"key %d: linked (%d) is not posted: it was a member already", ring, serial);
	wq_ledger_claim(
		&t->model->ledger, ring, NOTIFY_KEY_LINKED, (uint32_t)serial, t->op->begin_ns);
}

/* The key that add_key() returned is a new one, or an old one that it has updated. */
static void op_add_key(const struct wq_telling *t)
{
	int32_t serial = t->op->result, id = t->op->arg[0], ring = keyring_of(t, id);
	struct wq_key *key;
	const struct wq_key *into =
		ring > 0 ? wq_registry_find(&t->model->registry, ring) : NULL;

	if (was_there(t, serial)) {
		key = wq_telling_subject(t, serial, NOTIFY_KEY_UPDATED);
		if (key)
			wq_apply(t, key, NOTIFY_KEY_UPDATED, 0);
		return;
	}
	if (t->op->made == WQ_MADE_UNKNOWN && into && wq_key_has_members(into) &&
		wq_telling_is_believed(t, into, NOTIFY_KEY_LINKED) &&
		wq_key_member_find(&into->state, serial))
		/* a snapshot showed it, perhaps; else an update of a key that nobody watches */
		op_add_key_again(t, ring, serial);
	else
		op_link(t, id, serial);
}

static void op_request_key(const struct wq_telling *t)
{
	/* Without a keyring a key that was found is linked nowhere, a new one into the
	 * default keyring. */
	if (t->op->arg[0])
		op_link(t, t->op->arg[0], t->op->result);
	else
		wq_infer(t, 0, WQ_INFER_FOUND, t->op->result);
}

static void op_instantiated(const struct wq_telling *t, uint32_t aux, int32_t ring)
{
	struct wq_key *key = wq_telling_subject(t, t->op->arg[0], NOTIFY_KEY_INSTANTIATED);

	if (key)
		wq_apply(t, key, NOTIFY_KEY_INSTANTIATED, aux);
	if (ring < 0) /* any special one stands for that of who asked for the key */
		wq_infer(t, 0, WQ_INFER_LINKED, t->op->arg[0]);
	else if (ring)
		op_link(t, ring, t->op->arg[0]);
}

/* Is SERIAL the caller's who reports of its death? Root, and whoever runs the daemon, report
 * to themselves. */
static bool is_reporters(const struct wq_telling *t, int32_t serial)
{
	struct wq_key_state *s = &t->model->scratch;
	struct wq_view_cred as;

	if (t->caller->uid == 0 || t->caller->uid == geteuid())
		return true;
	as = (struct wq_view_cred){true, t->caller->uid, t->caller->gid};
	return wq_key_reader_describe(t->model->reader, &as, serial, s) == 0 &&
	       s->life == WQ_KEY_ALIVE && s->uid == t->caller->uid;
}

/* A member that dies is not watched as a rule: whoever finds it missing is to know why. What
 * is revoked or invalidated shows that it is, unless it is gone already. */
static void note_death(const struct wq_telling *t)
{
	const struct wq_operation *h = t->op;
	uint32_t seconds = h->op == KEYCTL_SET_TIMEOUT ? (uint32_t)h->arg[1] : 0;
	time_t at = h->op == KEYCTL_SET_TIMEOUT && !seconds ? 0 : time(NULL) + (time_t)seconds;
	int32_t serial = h->arg[0];

	if (t->caller && h->op != KEYCTL_SET_TIMEOUT &&
		wq_key_reader_life(t->model->reader, serial) < WQ_KEY_EXPIRED)
		return; /* it was only said */
	if (serial > 0 && (!t->caller || is_reporters(t, serial)))
		wq_fates_note_dead(&t->model->fates, serial, at);
}

/* The key that was told of; NULL if it is not watched, or not believed to be changed. */
static struct wq_key *op_simple(
	const struct wq_telling *t, enum key_notification_subtype subtype)
{
	int32_t serial = key_named(t, t->op->arg[0]);
	struct wq_key *key;

	if (serial < 0) {
		/* attributes may have been set to what they were */
		if (!t->caller && subtype == NOTIFY_KEY_SETATTR)
			wq_infer_setattr(t, t->op->arg[0]);
		*t->consequences |= WQ_SCAN_SOON;
		return NULL;
	}
	key = wq_telling_subject(t, serial, subtype);
	return key && wq_apply(t, key, subtype, 0) ? key : NULL;
}

/* As reported, it ends KEY no later than it was known to: what was only said is to make nobody
 * miss an end. And it is no difference that /proc/keys says so next. */
static void timeout_as_reported(const struct wq_telling *t, struct wq_key *key, time_t at)
{
	time_t ends_at = at ? at + wq_gc_delay(t->to->gc) : 0, known = wq_registry_end_of(key);

	key->proc.is_said = true;
	key->proc.said = at ? (struct wq_expiry){at - SAID_S, at + SAID_S} : wq_expiry_never;
	if (ends_at && (!known || ends_at < known))
		wq_gc_expect_at(t->to->gc, key, ends_at);
}

static void op_timeout(const struct wq_telling *t)
{
	uint32_t seconds = (uint32_t)t->op->arg[1];
	struct wq_key *key = op_simple(t, NOTIFY_KEY_SETATTR);
	time_t since = (time_t)((wq_now_ns() - t->op->end_ns) / WQ_NSEC_PER_SEC);
	time_t at = seconds ? time(NULL) - since + (time_t)seconds : 0;

	if (!key)
		return;
	if (t->caller)
		timeout_as_reported(t, key, at);
	else
		wq_gc_expect_at(t->to->gc, key, at ? at + wq_gc_delay(t->to->gc) : 0);
}

static void op_chown(const struct wq_telling *t)
{
	/* neither owner nor group: keyctl_chown_key() changes nothing and tells nothing */
	if (t->op->arg[1] != -1 || t->op->arg[2] != -1)
		op_simple(t, NOTIFY_KEY_SETATTR);
}

/* Longer than a page, since it has a case for each operation and nothing else. */
static void take(const struct wq_telling *t)
{
	const struct wq_operation *h = t->op;

	if (!t->caller) /* only the trace is believed about sessions */
		wq_resolve_observe(t->to->resolve, h);
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
		*t->consequences |= WQ_MAY_DESTROY;
}

/* Might a watch be told of OP? */
static bool concerns(const struct wq_model *m, const struct wq_operation *op)
{
	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (op->arg[i] < 0
				? wq_rings_any(&m->registry.rings, op->arg[i])
				: op->arg[i] > 0 && wq_registry_find(&m->registry, op->arg[i]))
			return true;
	return false;
}

static void begin(const struct wq_applier *to, const struct wq_operation *op,
	const struct wq_caller *caller)
{
	struct wq_model *m = to->model;
	bool told = wq_model_has(m, WQ_SOURCE_OPERATIONS);
	struct wq_cred who;

	/* who it is is asked at the beginning: a short-lived process is gone next */
	if (told && !wq_model_has(m, WQ_SOURCE_IDENTITY) && concerns(m, op))
		(void)wq_actors_ask(to->resolve->actors, op->tid, op->begin_ns);
	if (!caller) {
		wq_inflight_begin(&m->inflight, op, told);
		return;
	}
	who = wq_actors_reporter(to->resolve->actors, caller);
	wq_inflight_report(&m->inflight, op, caller, &who);
}

unsigned int wq_interpret(const struct wq_applier *to, const struct wq_operation *op,
	const struct wq_caller *caller)
{
	unsigned int consequences = 0;
	const struct wq_telling t = wq_telling_of(to, op, caller, &consequences);

	if (op->end_ns == 0) {
		begin(to, op, caller);
		return 0;
	}
	wq_inflight_end(&to->model->inflight, op->tid);
	if (op->result >= 0) {
		take(&t);
		note_serial(&t);
		return consequences;
	}
	wq_debug_keys("key %d: nothing is posted: the operation failed", op->arg[0]);
	if (op->op == WQFS_REPORT_REQUEST_KEY)
		consequences |= WQ_SCAN_SOON; /* a negative key may have been linked */
	return consequences;
}
