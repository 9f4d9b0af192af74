/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One key: what a look finds changed since the last, and the records that it means.
 */
#include <keyutils.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "base/log.h"
#include "keys/keys_internal.h"

#define NAMES_PER_LOOK 128	 /* members described in one look, to know a displacement */
#define STALE_NS       NS_PER_MS /* after a hint: until its key is known anew */
#define STALE_PAUSE    4	 /* times what a slice of that took */
#define SUSPECT_NS     NS_PER_MS /* after a difference: until the hints are asked for it */

/* ---- records ---- */

void wq_keys_post(struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux,
	const struct wq_cred *who, uint64_t at_ns)
{
	struct key_notification n = {
		.watch.type = WATCH_TYPE_KEY_NOTIFY,
		.watch.subtype = (uint8_t)subtype,
		.watch.info = sizeof(n),
		.key_id = (uint32_t)key->serial,
		.aux = aux,
	};

	wq_post(&key->watchers, &n.watch, who, (uint64_t)key->serial, at_ns);
}

void wq_keys_post_difference(
	struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux)
{
	wq_keys_post(key, subtype, aux, NULL, UINT64_MAX);
	wq_keys_note_told(key, (uint8_t)subtype, aux);
}

static void post_difference(void *arg, enum key_notification_subtype subtype, uint32_t aux)
{
	wq_keys_post_difference(arg, subtype, aux);
}

/* Past the time that /proc/keys gave it? */
static bool known_expired(const struct wq_key *key)
{
	const struct wq_expiry *e = &key->proc.expiry;

	return key->proc.pass && e->from <= e->to && e->to <= time(NULL);
}

static bool known_dead(const struct wq_key *key)
{
	return (key->state.life >= WQ_KEY_EXPIRED && key->state.life < WQ_KEY_GONE) ||
	       known_expired(key);
}

/* Was SERIAL dead before it was gone, as far as we saw? */
static bool died_before(const struct wq_keys *keys, int32_t serial)
{
	const struct wq_key *key = wq_keys_find(keys, serial);

	if (key && known_dead(key))
		return true;
	for (unsigned int i = 0; i < DEAD_MAX; i++)
		if (keys->dead[i].serial == serial)
			return keys->dead[i].at <= time(NULL);
	return false;
}

void wq_keys_note_dead(struct wq_keys *keys, int32_t serial, time_t at)
{
	struct dead *d = &keys->dead[keys->dead_next % DEAD_MAX];

	for (unsigned int i = 0; i < DEAD_MAX; i++)
		if (keys->dead[i].serial == serial)
			d = &keys->dead[i];
	if (d->serial != serial)
		keys->dead_next++;
	*d = (struct dead){at ? serial : 0, at};
}

void wq_keys_note_unlinked(struct wq_keys *keys, int32_t serial)
{
	keys->unlinked[keys->unlinked_next++ % DEAD_MAX] = serial;
}

static bool was_unlinked(const struct wq_keys *keys, int32_t serial)
{
	for (unsigned int i = 0; i < DEAD_MAX; i++)
		if (keys->unlinked[i] == serial)
			return true;
	return false;
}

/* The kernel posts nothing when it drops a link to a dead key. A key that is gone
 * altogether was unlinked for the last time, unless it was seen dead before; or, with a
 * trace, in any case: that would have told of the unlinking. */
static enum wq_member_fate fate_of(void *arg, int32_t serial)
{
	struct wq_key *ring = arg;

	if (died_before(ring->keys, serial))
		return WQ_MEMBER_COLLECTED;
	switch (wq_look_life(ring->keys->look, serial)) {
	case WQ_KEY_EXPIRED:
	case WQ_KEY_REVOKED:
	case WQ_KEY_INVALIDATED:
		return WQ_MEMBER_COLLECTED;
	case WQ_KEY_GONE:
		return ring->keys->trace && !was_unlinked(ring->keys, serial)
			       ? WQ_MEMBER_COLLECTED
			       : WQ_MEMBER_UNLINKED;
	case WQ_KEY_ALIVE:
	case WQ_KEY_HIDDEN:
		break;
	}
	if (!ring->nameless)
		return WQ_MEMBER_UNLINKED;
	ring->nameless--;
	return WQ_MEMBER_DISPLACED;
}

/* ---- one key ---- */

static bool our_group(const struct wq_caller *self, gid_t gid)
{
	gid_t list[256];
	int n;

	n = getgroups((int)(sizeof(list) / sizeof(list[0])), list);
	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return true;
	return false;
}

/* Is our view of it owed to its attributes, not to possession? */
static bool sees_by_attributes(const struct wq_key *key, const struct wq_key_state *s)
{
	const struct wq_caller self = {
		.uid = key->as.other ? key->as.uid : geteuid(),
		.gid = key->as.other ? key->as.gid : getegid(),
		.in_group = our_group,
	};

	return wq_access_may_view(s, &self);
}

/* Names of NEW's members: those that KEY has as they are, of new ones looked up. */
static void name_members(const struct wq_key *key, struct wq_key_state *new)
{
	const struct wq_key_state *old = &key->state;
	size_t j = 0;
	unsigned int budget = NAMES_PER_LOOK;
	size_t known = old->payload == WQ_PAYLOAD_MEMBERS ? old->len : 0;

	for (size_t i = 0; i < new->len; i++) {
		struct wq_key_member *m = &new->members[i];

		while (j < known && old->members[j].serial < m->serial)
			j++;
		if (j < known && old->members[j].serial == m->serial)
			m->name = old->members[j].name;
		if (!m->name && budget) {
			m->name = wq_look_name(key->keys->look, &key->as, m->serial);
			budget--;
		}
	}
}

/* Goes on with the members that had no turn yet. */
static void name_more(struct wq_key *key)
{
	size_t end = key->unnamed_from + NAMES_PER_LOOK;

	if (key->state.payload != WQ_PAYLOAD_MEMBERS)
		return;
	for (; key->unnamed_from < key->state.len && key->unnamed_from < end;
		key->unnamed_from++) {
		struct wq_key_member *m = &key->state.members[key->unnamed_from];

		if (!m->name)
			m->name = wq_look_name(key->keys->look, &key->as, m->serial);
	}
}

/* NEW becomes what is known; its buffers are swapped, not freed. */
static void adopt(struct wq_key_state *state, struct wq_key_state *new)
{
	struct wq_key_state old;

	if (new->life != WQ_KEY_ALIVE) {
		state->life = new->life;
		return;
	}
	old = *state;
	*state = *new;
	*new = old;
}

/* Takes a snapshot of KEY into keys->scratch. 0 or -ENOMEM. */
static int snapshot(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;
	struct wq_key_state *new = &keys->scratch;
	int r = wq_look_describe(keys->look, &key->as, key->serial, new);

	if (r < 0 || new->life != WQ_KEY_ALIVE)
		return r;
	r = wq_look_payload(keys->look, &key->as, key->serial, new);
	if (r == 0 && new->payload == WQ_PAYLOAD_MEMBERS) {
		name_members(key, new);
		key->unnamed_from = 0;
	}
	return r;
}

static void clear_suspect(struct wq_key *key);
static void no_longer_stale(struct wq_key *key);

/* Whoever goes through the keys and stands at KEY, which leaves, goes on behind it. */
static void step_over(const struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	struct wq_key_cursor *c;

	LIST_FOREACH (c, &keys->cursors, node)
		if (c->next == key)
			c->next = TAILQ_NEXT(key, node);
	if (keys->next == key)
		keys->next = TAILQ_NEXT(key, node);
	if (keys->end_next == key)
		keys->end_next = TAILQ_NEXT(key, node);
	if (keys->judge_next == key)
		keys->judge_next = TAILQ_NEXT(key, node);
}

void wq_keys_bury(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	step_over(key);
	clear_suspect(key);
	no_longer_stale(key);
	wq_keys_no_longer_new(key);
	wq_keys_ends_at(key, 0);
	wq_rings_remove(&keys->rings, key);
	if (known_dead(key))
		wq_keys_note_dead(keys, key->serial, 1);
	TAILQ_REMOVE(&keys->all, key, node);
	TAILQ_INSERT_TAIL(&keys->gone, key, node);
	key->buried = true;
	key->found_round = keys->round + !keys->running;
	key->state.life = WQ_KEY_GONE;
}

void wq_keys_forget_key(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	step_over(key);
	clear_suspect(key);
	no_longer_stale(key);
	wq_keys_no_longer_new(key);
	wq_keys_ends_at(key, 0);
	wq_rings_remove(&keys->rings, key);
	TAILQ_REMOVE(key->buried ? &keys->gone : &keys->all, key, node);
}

static void note_unexpected_expiry(struct wq_key *key, const struct wq_key_state *new)
{
	if (new->life == WQ_KEY_EXPIRED && key->state.life == WQ_KEY_ALIVE && key->proc.pass &&
		!wq_expiry_differ(key->proc.expiry, wq_expiry_never))
		wq_keys_post_difference(key, NOTIFY_KEY_SETATTR, 0);
}

/* A hint told that KEY's attributes were set, and they hide it from us: which they are is not
 * known until they show it again. */
static void absorb_hidden(struct wq_key *key)
{
	if (!key->stale_attrs)
		return;
	key->state.life = WQ_KEY_HIDDEN;
	key->state.perm = 0;
	key->stale_attrs = false;
}

/* What hints told of already is the state from which NEW is judged. 0 or -ENOMEM: it is not
 * yet. */
static int absorb_told(struct wq_key *key, const struct wq_key_state *new)
{
	struct wq_key_state *old = &key->state;
	int r;

	if (new->life == WQ_KEY_HIDDEN)
		absorb_hidden(key);
	if (new->life != WQ_KEY_ALIVE)
		return 0;
	r = key->stale_attrs ? wq_key_state_copy_attrs(old, new) : 0;
	if (r < 0)
		return r;
	if (key->stale_attrs && old->life == WQ_KEY_HIDDEN)
		old->life = WQ_KEY_ALIVE; /* that they show it has been told with them */
	if (key->stale_payload &&
		old->payload == new->payload &&new->payload == WQ_PAYLOAD_DIGEST) {
		old->len = new->len;
		memcpy(old->digest, new->digest, sizeof(old->digest));
	}
	key->stale_payload = key->stale_attrs = false;
	return 0;
}

static void suspect(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (key->suspect_ns)
		return;
	key->suspect_ns = wq_now_ns();
	key->found_round = keys->round + !keys->running;
	TAILQ_INSERT_TAIL(&keys->suspects, key, suspect_node);
	wq_timer_set(keys->loop, &keys->suspect_timer, key->suspect_ns + SUSPECT_NS);
}

static void clear_suspect(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (!key->suspect_ns)
		return;
	if (keys->suspect_next == key)
		keys->suspect_next = TAILQ_NEXT(key, suspect_node);
	TAILQ_REMOVE(&keys->suspects, key, suspect_node);
	key->suspect_ns = 0;
}

static bool sees(void *arg, const struct wq_key_state *s)
{
	return sees_by_attributes(arg, s);
}

static const struct wq_diff_ops diff_ops = {post_difference, fate_of, sees};

static bool differs(struct wq_key *key, const struct wq_key_state *new)
{
	return new->life == WQ_KEY_GONE || wq_key_differs(&key->state, new, sees, key);
}

/* A difference that is SURE is one that no hint will explain any more. */
static void look(struct wq_key *key, bool sure)
{
	struct wq_keys *keys = key->keys;
	struct wq_key_state *new = &keys->scratch;
	int r;

	if (wq_look_same(keys->look, &key->as, key->serial, &key->state)) {
		key->stale_payload = key->stale_attrs = false;
		key->nameless = 0;
		name_more(key);
		return;
	}
	r = snapshot(key);
	if (r == 0)
		r = absorb_told(key, new);
	if (r < 0) {
		wq_log(WQ_LOG_ERR, "no memory to look at key %d: its changes come late",
			key->serial);
		return;
	}
	if (!sure && differs(key, new)) {
		suspect(key);
		return;
	}
	note_unexpected_expiry(key, new);
	wq_key_diff(&key->state, new, &diff_ops, key);
	if (new->life == WQ_KEY_GONE)
		wq_keys_bury(key);
	else
		adopt(&key->state, new);
	key->nameless = 0;
}

void wq_keys_look_at(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	/* One that waits already is looked at when its wait is over. */
	if (!key->suspect_ns && !key->buried)
		look(key, !keys->trace && !keys->inflight);
}

void wq_keys_look_now(struct wq_key *key)
{
	if (key->buried)
		return;
	clear_suspect(key);
	look(key, true);
}

void wq_keys_rebase(struct wq_key *key)
{
	struct wq_key_state *new = &key->keys->scratch;

	if (snapshot(key) >= 0)
		(void)absorb_told(key, new); /* else the next look does */
}

static void no_longer_stale(struct wq_key *key)
{
	if (!key->stale)
		return;
	TAILQ_REMOVE(&key->keys->stale, key, stale_node);
	key->stale = false;
}

void wq_keys_rebase_soon(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (key->stale || key->buried)
		return;
	key->stale = true;
	TAILQ_INSERT_TAIL(&keys->stale, key, stale_node);
	if (!keys->stale_timer.set)
		wq_timer_set(keys->loop, &keys->stale_timer, wq_now_ns() + STALE_NS);
}

/* One slice; then a pause that leaves others most of the core. */
static void on_stale_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, stale_timer);
	uint64_t began = wq_now_ns(), now = began;
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&keys->stale)) && now - began < SLICE_NS) {
		no_longer_stale(key);
		if (key->stale_payload || key->stale_attrs)
			wq_keys_rebase(key);
		now = wq_now_ns();
	}
	if (!TAILQ_EMPTY(&keys->stale))
		wq_timer_set(keys->loop, timer, now + STALE_PAUSE * (now - began));
}

void wq_keys_change_init(struct wq_keys *keys)
{
	TAILQ_INIT(&keys->suspects);
	TAILQ_INIT(&keys->stale);
	keys->stale_timer.fire = on_stale_timer;
}

void wq_keys_change_fini(struct wq_keys *keys)
{
	wq_timer_clear(keys->loop, &keys->stale_timer);
}

void wq_keys_look_as(struct wq_key *key, const struct wq_look_as *as)
{
	key->as = *as;
	if (snapshot(key) >= 0)
		adopt(&key->state, &key->keys->scratch);
}

int wq_keys_first_look(struct wq_key *key)
{
	int r = snapshot(key);

	if (r < 0)
		return r;
	adopt(&key->state, &key->keys->scratch);
	key->since_ns = wq_now_ns();
	return 0;
}

/* What was under way when a difference was seen has ended: if it made the difference, its
 * hint has been taken in. A key that leaves is stepped over. True: there are more. */
static bool judge_slice(struct wq_keys *keys)
{
	uint64_t until = wq_now_ns() + SLICE_NS;

	if (!keys->suspect_next)
		keys->suspect_next = TAILQ_FIRST(&keys->suspects);
	while (keys->suspect_next && wq_now_ns() < until) {
		struct wq_key *key = keys->suspect_next;

		keys->suspect_next = TAILQ_NEXT(key, suspect_node);
		if (wq_keys_inflight(key, key->suspect_ns))
			continue;
		clear_suspect(key);
		look(key, true);
	}
	return keys->suspect_next != NULL;
}

void wq_keys_judge_suspects(struct wq_keys *keys)
{
	bool more = true;

	if (wq_keys_caught_up(keys, &keys->suspect_since_ns))
		more = judge_slice(keys);
	if (!TAILQ_EMPTY(&keys->suspects))
		wq_timer_set(
			keys->loop, &keys->suspect_timer, more ? 0 : wq_now_ns() + SUSPECT_NS);
}
