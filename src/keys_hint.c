/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a hint to records: one path, whatever the source. A hint names the operation, so
 * that what leaves no difference in state is exact too; and it keeps the model of the
 * watched keys in step, so that a look finds only what no hint told of.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "keys_internal.h"
#include "log.h"

#define INFLIGHT_NS    NS_PER_S /* an operation that takes longer is not waited for */
#define KTHREADD       2	/* which all kernel threads are children of */
#define RINGS_AT_ONCE  256	/* keyrings looked at for one hint; more take a round */
#define TRACE_RETRY_NS (60ull * NS_PER_S)

/* A hint that is being taken in. CALLER is who reported it; NULL: the trace. */
struct taking {
	struct wq_keys *keys;
	const struct wq_hint *h;
	const struct wq_caller *caller;
};

/* ---- told by a difference, under way, seen in the trace ---- */

void wq_keys_note_told(struct wq_key *key, uint8_t subtype, uint32_t aux)
{
	struct wq_keys *keys = key->keys;

	keys->told[keys->told_next++ % TOLD_MAX] =
		(struct told){key->serial, subtype, aux, wq_now_ns()};
}

bool wq_keys_was_told(
	struct wq_keys *keys, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t begin_ns)
{
	for (unsigned int i = 0; i < TOLD_MAX; i++) {
		struct told *t = &keys->told[i];

		if (t->serial != serial || t->subtype != subtype || t->aux != aux ||
			t->at_ns < begin_ns)
			continue;
		t->serial = 0;
		return true;
	}
	return false;
}

static void forget_inflight(struct wq_keys *keys, struct inflight *f)
{
	HASH_DEL(keys->inflight, f);
	free(f);
}

static struct inflight *find_inflight(struct wq_keys *keys, pid_t tid)
{
	struct inflight *f;

	HASH_FIND(hh, keys->inflight, &tid, sizeof(tid), f);
	return f;
}

/* Might a watch be told of H? */
static bool concerns(const struct wq_keys *keys, const struct wq_hint *h)
{
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (h->arg[i] < 0 || (h->arg[i] > 0 && wq_keys_find(keys, h->arg[i])))
			return true;
	return false;
}

/* NULL: no memory. A look may tell it first then: was_told() knows. */
static struct inflight *begin(struct wq_keys *keys, const struct wq_hint *h)
{
	struct inflight *f = find_inflight(keys, h->who.pid);

	/* Who it is is asked now: a short-lived process is gone next. */
	if (keys->trace && concerns(keys, h))
		wq_task_get(&keys->tasks, h->who.pid, h->begin_ns);

	if (f) {
		f->hint = *h;
		return f;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->tid = h->who.pid;
	f->hint = *h;
	HASH_ADD(hh, keys->inflight, tid, sizeof(f->tid), f);
	if (f->hh.tbl)
		return f;
	free(f);
	return NULL;
}

static bool in_no_group(const struct wq_caller *caller, gid_t gid)
{
	return false;
}

/* CALLER is about to do H, which the trace will tell as well. */
static void begin_reported(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller)
{
	struct inflight *f = begin(keys, h);

	if (!f)
		return;
	f->reported = true;
	f->report = *h;
	f->report.who = wq_caller_cred(caller);
	f->reporter = *caller;
	f->reporter.in_group = in_no_group; /* the request goes */
	f->reporter.private = NULL;
}

/* Completes H from the trace by what its thread said beforehand: special keyrings, and the
 * namesake of a key to be added. True if so; then CALLER must have the right to say it. */
static bool explain(const struct inflight *f, struct wq_hint *h, struct wq_caller *caller)
{
	if (!f || !f->reported || f->report.op != h->op || f->report.begin_ns > h->begin_ns)
		return false;
	for (int i = 0; i < WQ_HINT_ARGS; i++)
		if (h->arg[i] < 0 && f->report.arg[i] > 0)
			h->arg[i] = f->report.arg[i];
	if (h->op == WQFS_REPORT_ADD_KEY)
		h->arg[1] = f->report.arg[1];
	*caller = f->reporter;
	h->who = f->report.who;
	return true;
}

bool wq_keys_inflight(struct wq_keys *keys, uint64_t at_ns)
{
	struct inflight *f, *tmp;
	uint64_t now = wq_now_ns();
	bool any = false;

	HASH_ITER (hh, keys->inflight, f, tmp) {
		if (f->hint.begin_ns + INFLIGHT_NS < now)
			forget_inflight(keys, f);
		else if (f->hint.begin_ns <= at_ns)
			any = true;
	}
	return any;
}

static void note_recent(struct wq_keys *keys, const struct wq_hint *h)
{
	keys->recent[keys->recent_next++ % RECENT_MAX] =
		(struct recent){h->who.pid, h->begin_ns, h->end_ns};
}

/* Did the trace tell of an operation of TID that lies between BEGIN_NS and END_NS? */
static bool traced(const struct wq_keys *keys, pid_t tid, uint64_t begin_ns, uint64_t end_ns)
{
	for (unsigned int i = 0; i < RECENT_MAX; i++) {
		const struct recent *r = &keys->recent[i];

		if (r->tid == tid && r->begin_ns >= begin_ns && r->end_ns <= end_ns)
			return true;
	}
	return false;
}

/* ---- special keyrings ---- */

/* The only watched keyring of that description that belongs to UID: its serial; 0: there
 * is none; -1: there are several, since a user can make one of the same description. */
static int32_t user_keyring(const struct wq_keys *keys, const char *prefix, uid_t uid)
{
	char want[32];
	const struct wq_key *key;
	int32_t found = 0;

	snprintf(want, sizeof(want), "%s.%u", prefix, uid);
	TAILQ_FOREACH (key, &keys->all, node) {
		if (key->state.uid != uid || !wq_key_is_type(&key->state, "keyring") ||
			strcmp(wq_key_description(&key->state), want))
			continue;
		if (found)
			return -1;
		found = key->serial;
	}
	return found;
}

/* The user whose keyrings the operation's thread has, in UID. False: it is gone. */
static bool real_user(const struct taking *t, uid_t *uid)
{
	/* not as it was a moment before: it may have become that user since */
	const struct wq_task *task = wq_task_read(&t->keys->tasks, t->h->who.pid, t->h->end_ns);

	if (task)
		*uid = task->ruid;
	return task != NULL;
}

/* Keyring ID as the operation's thread meant it: its serial; 0: none was given, or it is
 * one that nobody watches; below 0: it cannot be told. */
static int32_t keyring(const struct taking *t, int32_t id)
{
	int32_t serial = 0;
	uid_t uid;

	switch (id) {
	case KEY_SPEC_SESSION_KEYRING:
		if (t->keys->sessions)
			serial = wq_sessions_find(t->keys->sessions, t->h->who.pid);
		return serial ? serial : id;
	case KEY_SPEC_USER_KEYRING:
		return real_user(t, &uid) ? user_keyring(t->keys, "_uid", uid) : id;
	case KEY_SPEC_USER_SESSION_KEYRING:
		return real_user(t, &uid) ? user_keyring(t->keys, "_uid_ses", uid) : id;
	default:
		return id;
	}
}

/* A key that is named by a special keyring: its serial, or below 0. */
static int32_t key_named(const struct taking *t, int32_t id)
{
	int32_t serial = keyring(t, id);

	return serial ? serial : id;
}

/* ---- records ---- */

/* SERIAL if it is watched and the hint is news for it. Who reported is asked for its
 * right; without it the report is a reason to look, no more. */
static struct wq_key *subject(const struct taking *t, int32_t serial)
{
	struct wq_key *key = serial > 0 ? wq_keys_find(t->keys, serial) : NULL;

	if (!key || key->state.life == WQ_KEY_GONE || t->h->end_ns < key->since_ns)
		return NULL;
	if (t->caller && t->caller->uid != 0 && t->caller->uid != key->state.uid &&
		!wq_keys_caller_may_view(&key->state, t->caller)) {
		wq_keys_look_at(key);
		return NULL;
	}
	return key;
}

/* As the kernel's notify_key(), unless a look has told it already. */
static void notify(const struct taking *t, struct wq_key *key,
	enum key_notification_subtype subtype, uint32_t aux)
{
	struct wq_cred who = t->h->who;

	if (wq_keys_was_told(t->keys, key->serial, (uint8_t)subtype, aux, t->h->begin_ns))
		return;
	if (!t->caller)
		who = wq_task_cred(
			wq_task_get(&t->keys->tasks, who.pid, t->h->end_ns), who.pid);
	wq_keys_post(key, subtype, aux, &who, t->h->end_ns);
}

/* What the next look finds changed has been told. Polling looks at once, so that what
 * others do until then stays a difference. */
static void changed(const struct taking *t, struct wq_key *key, bool payload)
{
	if (payload)
		key->stale_payload = true;
	else
		key->stale_attrs = true;
	/* what a pass has read of it may be from before */
	key->proc.pass = key->proc.seen_pass = 0;
	if (!t->keys->trace)
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

static uint64_t name_of(const struct wq_keys *keys, int32_t serial)
{
	for (unsigned int i = 0; i < NAMES_MAX; i++)
		if (keys->names[i].serial == serial)
			return keys->names[i].name;
	return wq_look_name(keys->look, serial);
}

static void linked(const struct taking *t, struct wq_key *ring, int32_t serial)
{
	if (has_members(ring)) {
		uint64_t name = wq_look_name(t->keys->look, serial);
		int32_t displaced = namesake(ring, name, serial);

		if (displaced) {
			note_name(t->keys, displaced, name);
			wq_key_member_del(&ring->state, displaced);
		}
		if (wq_key_member_add(&ring->state, serial, name) < 0)
			wq_log(WQ_LOG_ERR, "no memory for a member of keyring %d",
				ring->serial);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_LINKED, (uint32_t)serial);
}

/* The kernel removes what has the type and description of SERIAL, and reports SERIAL. */
static void unlinked(const struct taking *t, struct wq_key *ring, int32_t serial)
{
	if (has_members(ring)) {
		int32_t gone = serial;

		if (!wq_key_member_find(&ring->state, serial))
			gone = namesake(ring, name_of(t->keys, serial), serial);
		if (gone)
			wq_key_member_del(&ring->state, gone);
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_UNLINKED, (uint32_t)serial);
}

static void cleared(const struct taking *t, struct wq_key *ring, int32_t none)
{
	if (has_members(ring)) {
		ring->state.len = 0;
		members_changed(ring);
	}
	notify(t, ring, NOTIFY_KEY_CLEARED, 0);
}

/* ---- a keyring that cannot be told ---- */

static bool more_rings_than(const struct wq_keys *keys, unsigned int max)
{
	const struct wq_key *key;
	unsigned int n = 0;

	TAILQ_FOREACH (key, &keys->all, node)
		if (wq_key_is_type(&key->state, "keyring") && ++n > max)
			return true;
	return false;
}

enum guess { GUESS_LINKED, GUESS_UNLINKED, GUESS_CLEARED, GUESS_OTHER };

static bool lacks(const struct wq_key *ring, int32_t serial)
{
	int r = wq_look_holds(ring->keys->look, ring->serial, serial);

	return r == 0 || r == 2;
}

/* Is RING the one, by what it holds now and held before? */
static bool fits(const struct wq_key *ring, enum guess what, int32_t serial)
{
	const bool had = wq_key_member_find(&ring->state, serial) != NULL;

	switch (what) {
	case GUESS_LINKED:
		return !had && wq_look_holds(ring->keys->look, ring->serial, serial) == 1;
	case GUESS_UNLINKED:
		return had && lacks(ring, serial);
	case GUESS_CLEARED:
		return ring->state.len && wq_look_holds(ring->keys->look, ring->serial, 0) == 2;
	case GUESS_OTHER:
		break;
	}
	return false;
}

/* Decided by the difference that the operation made in one of the watched keyrings. One
 * that made none is not told: nothing is made up. */
static void by_difference(const struct taking *t, enum guess what, int32_t serial)
{
	static void (*const guessed[])(const struct taking *, struct wq_key *, int32_t) = {
		[GUESS_LINKED] = linked,
		[GUESS_UNLINKED] = unlinked,
		[GUESS_CLEARED] = cleared,
	};
	static const uint8_t subtypes[] = {
		[GUESS_LINKED] = NOTIFY_KEY_LINKED,
		[GUESS_UNLINKED] = NOTIFY_KEY_UNLINKED,
		[GUESS_CLEARED] = NOTIFY_KEY_CLEARED,
	};
	struct wq_key *ring;

	if (more_rings_than(t->keys, RINGS_AT_ONCE)) {
		wq_keys_look_at_all(t->keys);
		return;
	}
	TAILQ_FOREACH (ring, &t->keys->all, node) {
		if (!wq_key_is_type(&ring->state, "keyring"))
			continue;
		if (what == GUESS_OTHER || !has_members(ring) || serial < 0) {
			wq_keys_look_at(ring);
			continue;
		}
		if (!fits(ring, what, serial) || !subject(t, ring->serial))
			continue;
		guessed[what](t, ring, serial);
		/* the difference may be another's, whose hint is on its way */
		wq_keys_note_told(ring, subtypes[what], (uint32_t)serial);
	}
}

/* ---- operations ---- */

/* SERIAL was linked into keyring ID. */
static void op_link(const struct taking *t, int32_t id, int32_t key)
{
	int32_t ring = keyring(t, id), serial = key_named(t, key);
	struct wq_key *watched;

	if (ring < 0) {
		by_difference(t, GUESS_LINKED, serial);
		return;
	}
	watched = subject(t, ring);
	if (!watched)
		return;
	if (serial < 0) {
		by_difference(t, GUESS_LINKED, serial);
		return;
	}
	linked(t, watched, serial);
}

static void op_unlink(const struct taking *t, int32_t id, int32_t key)
{
	int32_t ring = keyring(t, id), serial = key_named(t, key);
	struct wq_key *watched;

	if (ring < 0) {
		by_difference(t, GUESS_UNLINKED, serial);
		return;
	}
	watched = subject(t, ring);
	if (!watched)
		return;
	if (serial < 0)
		wq_keys_look_at(watched);
	else
		unlinked(t, watched, serial);
}

static void op_clear(const struct taking *t, int32_t id)
{
	int32_t ring = keyring(t, id);
	struct wq_key *watched;

	if (ring < 0) {
		by_difference(t, GUESS_CLEARED, 0);
		return;
	}
	watched = subject(t, ring);
	if (watched)
		cleared(t, watched, 0);
}

static void op_move(const struct taking *t)
{
	const int32_t *arg = t->h->arg;

	if (key_named(t, arg[1]) == key_named(t, arg[2]))
		return; /* the kernel does nothing then */
	op_unlink(t, arg[1], arg[0]);
	op_link(t, arg[2], arg[0]);
}

/* The key that add_key() returned is a new one, or an old one that it has updated. */
static void op_add_key(const struct taking *t)
{
	int32_t serial = t->h->result, id = t->h->arg[0], ring = keyring(t, id);
	struct wq_key *key = wq_keys_find(t->keys, serial);
	const struct wq_key *watched = ring > 0 ? wq_keys_find(t->keys, ring) : NULL;

	if (serial == t->h->arg[1] || (key && key->since_ns <= t->h->begin_ns)) {
		key = subject(t, serial);
		if (!key)
			return;
		notify(t, key, NOTIFY_KEY_UPDATED, 0);
		changed(t, key, true);
		return;
	}
	if (watched && wq_key_member_find(&watched->state, serial))
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
		by_difference(t, GUESS_LINKED, t->h->result);
}

static void op_instantiated(const struct taking *t, uint32_t aux, int32_t ring)
{
	struct wq_key *key = subject(t, t->h->arg[0]);

	if (key) {
		notify(t, key, NOTIFY_KEY_INSTANTIATED, aux);
		changed(t, key, true);
	}
	if (ring)
		op_link(t, ring, t->h->arg[0]);
}

static void op_simple(const struct taking *t, enum key_notification_subtype subtype)
{
	int32_t serial = key_named(t, t->h->arg[0]);
	struct wq_key *key;

	if (serial < 0) {
		by_difference(t, GUESS_OTHER, 0);
		return;
	}
	key = subject(t, serial);
	if (!key)
		return;
	notify(t, key, subtype, 0);
	switch (subtype) {
	case NOTIFY_KEY_REVOKED:
		key->state.life = WQ_KEY_REVOKED;
		wq_keys_ends_at(key, time(NULL) + wq_keys_gc_delay());
		break;
	case NOTIFY_KEY_INVALIDATED:
		key->state.life = WQ_KEY_INVALIDATED;
		break;
	default:
		changed(t, key, subtype == NOTIFY_KEY_UPDATED);
		break;
	}
}

static void op_timeout(const struct taking *t)
{
	uint32_t seconds = (uint32_t)t->h->arg[1];
	int32_t serial = key_named(t, t->h->arg[0]);
	struct wq_key *key = serial > 0 ? wq_keys_find(t->keys, serial) : NULL;

	op_simple(t, NOTIFY_KEY_SETATTR);
	if (key)
		wq_keys_ends_at(
			key, seconds ? time(NULL) + (time_t)seconds + wq_keys_gc_delay() : 0);
}

/* The parent takes the session over when it next returns from the kernel. */
static void op_session_to_parent(const struct taking *t)
{
	const struct wq_task *task = wq_task_get(&t->keys->tasks, t->h->who.pid, t->h->end_ns);

	if (task)
		wq_sessions_joined(t->keys->sessions, task->parent,
			wq_sessions_find(t->keys->sessions, t->h->who.pid));
}

/* A user session keyring stands in where there is no session: the first operation that puts
 * something into it makes a session, for its thread alone, without a word. */
static bool stands_in(struct wq_keys *keys, int32_t serial)
{
	static const char prefix[] = "_uid_ses.";
	struct wq_key_state *s = &keys->scratch;

	return wq_look_describe(keys->look, serial, s) < 0 || s->life != WQ_KEY_ALIVE ||
	       !strncmp(wq_key_description(s), prefix, strlen(prefix));
}

static void op_keyring_id(const struct taking *t)
{
	if (t->h->arg[0] != KEY_SPEC_SESSION_KEYRING)
		return;
	if (t->h->arg[1]) /* it may have been made by this */
		wq_sessions_joined(t->keys->sessions, t->h->who.pid, t->h->result);
	else if (!stands_in(t->keys, t->h->result))
		wq_sessions_told(t->keys->sessions, t->h->who.pid, t->h->result);
}

/* What says which session keyring somebody has; only the trace is believed. */
static void learn(const struct taking *t)
{
	if (t->caller || !t->keys->sessions)
		return;
	switch (t->h->op) {
	case KEYCTL_JOIN_SESSION_KEYRING:
		wq_sessions_joined(t->keys->sessions, t->h->who.pid, t->h->result);
		break;
	case KEYCTL_SESSION_TO_PARENT:
		op_session_to_parent(t);
		break;
	case KEYCTL_GET_KEYRING_ID:
		op_keyring_id(t);
		break;
	default:
		break;
	}
}

static void take(const struct taking *t)
{
	const struct wq_hint *h = t->h;

	learn(t);

	switch (h->op) {
	case KEYCTL_UPDATE:
		op_simple(t, NOTIFY_KEY_UPDATED);
		break;
	case KEYCTL_REVOKE:
		op_simple(t, NOTIFY_KEY_REVOKED);
		break;
	case KEYCTL_INVALIDATE:
		op_simple(t, NOTIFY_KEY_INVALIDATED);
		break;
	case KEYCTL_CHOWN:
	case KEYCTL_SETPERM:
	case KEYCTL_RESTRICT_KEYRING:
		op_simple(t, NOTIFY_KEY_SETATTR);
		break;
	case KEYCTL_SET_TIMEOUT:
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
	if (wq_hint_may_destroy(h->op))
		wq_keys_may_end(t->keys);
}

/* The one path: H has begun, or ended. */
static void take_hint(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller)
{
	struct inflight *f;

	if (h->end_ns == 0) {
		begin(keys, h);
		return;
	}
	f = find_inflight(keys, h->who.pid);
	if (f)
		forget_inflight(keys, f);
	if (h->result >= 0)
		take(&(struct taking){keys, h, caller});
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
		.who.pid = caller->pid,
	};

	memcpy(h.arg, report->arg, sizeof(h.arg));
	if (!wq_hint_matters(h.op) || h.begin_ns > now || h.end_ns > now ||
		(h.end_ns && h.end_ns < h.begin_ns))
		return -EINVAL;
	if (keys->trace) {
		wq_keys_catch_up(keys);
		if (!h.end_ns) {
			begin_reported(keys, &h, caller);
			return 0;
		}
		/* what the trace does not see: 32-bit programs */
		if (traced(keys, h.who.pid, h.begin_ns, h.end_ns))
			return 0;
	}
	if (h.end_ns && h.result >= 0)
		h.who = wq_caller_cred(caller);
	take_hint(keys, &h, caller);
	return 0;
}

/* ---- the trace ---- */

static void on_hint(void *arg, const struct wq_hint *h)
{
	struct wq_keys *keys = arg;
	struct wq_hint explained = *h;
	struct wq_caller caller;
	bool reported = false;

	if (h->end_ns) {
		note_recent(keys, h);
		reported = explain(find_inflight(keys, h->who.pid), &explained, &caller);
	}
	take_hint(keys, &explained, reported ? &caller : NULL);
}

static bool on_exited(void *arg)
{
	struct wq_keys *keys = arg;

	wq_keys_may_end(keys);
	return !TAILQ_EMPTY(&keys->all);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (struct wq_queue *const *)a;
	uintptr_t y = (uintptr_t) * (struct wq_queue *const *)b;

	return (x > y) - (x < y);
}

/* LOSS once in every queue that watches a key. */
static void tell_loss(struct wq_keys *keys)
{
	struct wq_queue **queues = NULL;
	const struct wq_key *key;
	const struct wq_watch *w;
	size_t n = 0, cap = 0;

	TAILQ_FOREACH (key, &keys->all, node) {
		LIST_FOREACH (w, &key->watchers.watchers, list_node) {
			if (n == cap) {
				size_t more = cap ? cap * 2 : 64;
				struct wq_queue **p = reallocarray(queues, more, sizeof(*p));

				if (!p) { /* better twice than not */
					wq_queue_note_loss(w->queue);
					continue;
				}
				queues = p;
				cap = more;
			}
			queues[n++] = w->queue;
		}
	}
	if (n)
		qsort(queues, n, sizeof(*queues), by_address);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || queues[i] != queues[i - 1])
			wq_queue_note_loss(queues[i]);
	free(queues);
}

/* Kernel threads start the programs of upcalls, each in a session of its own. */
static bool is_kernel_thread(struct wq_keys *keys, pid_t tid)
{
	const struct wq_task *task = wq_task_get(&keys->tasks, tid, wq_now_ns());

	return tid == KTHREADD || (task && task->parent == KTHREADD);
}

static void on_forked(void *arg, pid_t parent, pid_t child)
{
	struct wq_keys *keys = arg;

	if (!wq_sessions_has(keys->sessions, parent) && is_kernel_thread(keys, parent))
		wq_sessions_began(keys->sessions, child);
	else
		wq_sessions_forked(keys->sessions, parent, child);
}

static void on_forks_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_sessions_forget(keys->sessions);
}

static void forget_all_inflight(struct wq_keys *keys)
{
	struct inflight *f, *tmp;

	HASH_ITER (hh, keys->inflight, f, tmp)
		forget_inflight(keys, f);
}

static void on_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_log(WQ_LOG_WARNING, "the trace buffer overflowed: LOSS, and a look at every key");
	forget_all_inflight(keys);
	wq_sessions_forget(keys->sessions);
	tell_loss(keys);
	wq_timer_set(keys->loop, &keys->timer, 0);
}

static void on_died(void *arg, const char *why)
{
	struct wq_keys *keys = arg;

	snprintf(keys->why_not, sizeof(keys->why_not), "%s", why);
	keys->trace_died = true;
	wq_timer_set(keys->loop, &keys->timer, 0);
}

static const struct wq_trace_ops trace_ops = {
	on_hint, on_forked, on_forks_lost, on_exited, on_lost, on_died};

void wq_keys_start_trace(struct wq_keys *keys)
{
	keys->trace_died = false;
	if (keys->config.source == WQ_KEYS_POLL) {
		snprintf(keys->why_not, sizeof(keys->why_not), "source=poll");
		return;
	}
	keys->sessions = wq_sessions_new();
	if (!keys->sessions) {
		snprintf(keys->why_not, sizeof(keys->why_not), "out of memory");
		return;
	}
	keys->trace = wq_trace_new(keys->loop, &trace_ops, keys, keys->config.buffer_kb,
		keys->why_not, sizeof(keys->why_not));
	if (keys->trace) {
		if (!TAILQ_EMPTY(&keys->all))
			wq_trace_tell_exits(keys->trace);
		return;
	}
	wq_sessions_free(keys->sessions);
	keys->sessions = NULL;
}

void wq_keys_stop_hints(struct wq_keys *keys)
{
	wq_trace_free(keys->trace);
	keys->trace = NULL;
	wq_sessions_free(keys->sessions);
	keys->sessions = NULL;
	forget_all_inflight(keys);
}

void wq_keys_check_trace(struct wq_keys *keys)
{
	uint64_t now = wq_now_ns();

	if (!keys->trace && keys->trace_retry_ns && now >= keys->trace_retry_ns) {
		wq_keys_start_trace(keys);
		keys->trace_retry_ns = keys->trace ? 0 : now + TRACE_RETRY_NS;
		return;
	}
	if (!keys->trace || (!keys->trace_died && wq_trace_alive(keys->trace)))
		return;
	wq_keys_stop_hints(keys);
	wq_keys_start_trace(keys);
	keys->trace_retry_ns = keys->trace ? 0 : now + TRACE_RETRY_NS;
	wq_log(WQ_LOG_WARNING, "the trace has died: LOSS, and %s%s",
		keys->trace ? "another one" : "polling: ", keys->trace ? "" : keys->why_not);
	tell_loss(keys);
}

void wq_keys_catch_up(struct wq_keys *keys)
{
	if (keys->trace && !keys->trace_died)
		wq_trace_drain(keys->trace);
}
