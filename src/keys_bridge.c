/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "container.h"
#include "key_look.h"
#include "key_state.h"
#include "keys_bridge.h"
#include "log.h"
#include "proc_keys.h"

#define NS_PER_MS	 1000000u
#define SLICE_NS	 (2 * NS_PER_MS) /* requests wait no longer than this for a look */
#define NAMES_PER_LOOK	 128  /* members described in one look, to know a displacement */
#define PROC_SHARE	 0.25 /* of the CPU budget may go into /proc/keys */
#define PROC_AT_WATCH_NS (NS_PER_MS / 4) /* a pass this cheap is made for each new watch */

/* What /proc/keys said last. */
struct proc_view {
	uint64_t pass;	    /* the pass that these are from; 0: none yet */
	uint64_t seen_pass; /* the pass that is under way, and how often it was seen there */
	unsigned int seen;
	bool expired;
	struct wq_expiry expiry, new_expiry;
	long len, new_len; /* of a payload, or -1 */
};

struct wq_key {
	struct wq_keys *keys;
	int32_t serial;
	struct wq_watch_list watchers;
	struct wq_key_state state;
	struct proc_view proc;
	UT_hash_handle hh;
	TAILQ_ENTRY(wq_key) node; /* in keys->all, or in keys->gone */
};

struct user {
	uid_t uid;
	uint64_t watches;
	UT_hash_handle hh;
};

struct key_watch {
	struct wq_watch watch;
	struct user *user;
};

TAILQ_HEAD(key_list, wq_key);

struct wq_keys {
	struct wq_keys_config config;
	struct wq_loop *loop;
	struct wq_look *look;
	struct wq_key_state scratch;
	struct wq_key *by_serial;
	struct user *users;
	struct key_list all;
	struct key_list gone; /* destroyed in this round: told at its end */

	/* the round: every key looked at once */
	struct wq_timer timer;
	bool running, proc_stage;
	struct wq_key *next;
	uint64_t round;	   /* counts them */
	uint64_t round_ns; /* when it began */
	uint64_t cost_ns;  /* CPU time of this round so far */
	uint64_t last_cost_ns;
	uint64_t interval_ns; /* from look to look at one key */
	uint64_t turn_used_ns;
	TAILQ_HEAD(, wq_keys_sync) syncs;

	struct wq_proc_keys *proc;
	uint64_t proc_pass;
	uint64_t proc_began_ns, proc_cost_ns;
	bool proc_failed;
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- records ---- */

static void post(struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux)
{
	struct key_notification n = {
		.watch.type = WATCH_TYPE_KEY_NOTIFY,
		.watch.subtype = (uint8_t)subtype,
		.watch.info = sizeof(n),
		.key_id = (uint32_t)key->serial,
		.aux = aux,
	};

	wq_post(&key->watchers, &n.watch, NULL, (uint64_t)key->serial, UINT64_MAX);
}

static void post_difference(void *arg, enum key_notification_subtype subtype, uint32_t aux)
{
	post(arg, subtype, aux);
}

static struct wq_key *find(const struct wq_keys *keys, int32_t serial)
{
	struct wq_key *key;

	HASH_FIND_INT(keys->by_serial, &serial, key);
	return key;
}

static bool known_dead(const struct wq_key *key)
{
	const struct wq_expiry *e = &key->proc.expiry;

	if (key->state.life >= WQ_KEY_EXPIRED && key->state.life < WQ_KEY_GONE)
		return true;
	return key->proc.pass && e->from <= e->to && e->to <= time(NULL);
}

/* The kernel posts nothing when it drops a link to a dead key. A key that is gone
 * altogether was unlinked for the last time, unless it was known to be dead before. */
static enum wq_member_fate fate_of(void *arg, int32_t serial)
{
	const struct wq_key *ring = arg;
	const struct wq_key *member = find(ring->keys, serial);

	if (member && known_dead(member))
		return WQ_MEMBER_COLLECTED;
	switch (wq_look_life(ring->keys->look, serial)) {
	case WQ_KEY_EXPIRED:
	case WQ_KEY_REVOKED:
	case WQ_KEY_INVALIDATED:
		return WQ_MEMBER_COLLECTED;
	case WQ_KEY_ALIVE:
	case WQ_KEY_HIDDEN:
	case WQ_KEY_GONE:
		break;
	}
	return WQ_MEMBER_UNLINKED;
}

static const struct wq_diff_ops diff_ops = {post_difference, fate_of};

/* ---- one key ---- */

/* KEY_OTH_VIEW, KEY_GRP_VIEW, KEY_USR_VIEW: which of them decides for UID and GID, as
 * key_task_permission() has it; possession is not ours to judge. */
static bool may_view(const struct wq_key_state *s, uid_t uid,
	bool (*in_group)(const struct wq_caller *, gid_t), const struct wq_caller *who)
{
	if (s->uid == uid)
		return s->perm & KEY_USR_VIEW;
	if (s->gid != (uint32_t)-1 && (s->perm & KEY_GRP_ALL) && in_group(who, s->gid))
		return s->perm & KEY_GRP_VIEW;
	return s->perm & KEY_OTH_VIEW;
}

static bool our_group(const struct wq_caller *self, gid_t gid)
{
	gid_t list[256];
	int n;

	if (gid == getegid())
		return true;
	n = getgroups((int)(sizeof(list) / sizeof(list[0])), list);
	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return true;
	return false;
}

/* Is our view of it owed to its attributes, not to possession? */
static bool sees_by_attributes(const struct wq_key_state *s)
{
	return may_view(s, geteuid(), our_group, NULL);
}

/* Names of NEW's members: those of OLD as they are, of new ones looked up. */
static void name_members(
	struct wq_keys *keys, const struct wq_key_state *old, struct wq_key_state *new)
{
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
			m->name = wq_look_name(keys->look, m->serial);
			budget--;
		}
	}
}

/* NEW becomes what is known; its buffers are swapped, not freed. SAME: its members were
 * not filled in, the old ones hold. */
static void adopt(struct wq_key_state *state, struct wq_key_state *new, bool same)
{
	struct wq_key_state old;

	if (new->life != WQ_KEY_ALIVE) {
		state->life = new->life;
		return;
	}
	old = *state;
	*state = *new;
	*new = old;
	if (same) {
		new->members = state->members;
		new->members_cap = state->members_cap;
		state->members = old.members;
		state->members_cap = old.members_cap;
	}
}

/* Takes a snapshot of KEY into keys->scratch. 1: its members are as they were (and not in
 * the snapshot); 0; or -ENOMEM. */
static int snapshot(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;
	struct wq_key_state *new = &keys->scratch;
	int r = wq_look_describe(keys->look, key->serial, new);

	if (r < 0 || new->life != WQ_KEY_ALIVE)
		return r;
	r = wq_look_payload(keys->look, key->serial, &key->state, new);
	if (r == 0 && new->payload == WQ_PAYLOAD_MEMBERS)
		name_members(keys, &key->state, new);
	return r;
}

static void bury(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (keys->next == key)
		keys->next = TAILQ_NEXT(key, node);
	TAILQ_REMOVE(&keys->all, key, node);
	TAILQ_INSERT_TAIL(&keys->gone, key, node);
	key->state.life = WQ_KEY_GONE;
}

static void note_unexpected_expiry(struct wq_key *key, const struct wq_key_state *new)
{
	if (new->life == WQ_KEY_EXPIRED && key->state.life == WQ_KEY_ALIVE && key->proc.pass &&
		!wq_expiry_differ(key->proc.expiry, wq_expiry_never))
		post(key, NOTIFY_KEY_SETATTR, 0);
}

/* Looks at KEY and posts what has changed since the last look. */
static void look_at(struct wq_key *key)
{
	struct wq_key_state *new = &key->keys->scratch;
	int r = snapshot(key);

	if (r < 0) {
		wq_log(WQ_LOG_ERR, "no memory to look at key %d: its changes come late",
			key->serial);
		return;
	}
	note_unexpected_expiry(key, new);
	wq_key_diff(&key->state, new, sees_by_attributes(&key->state), &diff_ops, key);
	adopt(&key->state, new, r == 1);
	if (key->state.life == WQ_KEY_GONE)
		bury(key);
}

/* ---- /proc/keys ---- */

static void see_line(void *arg, const struct wq_proc_key *line)
{
	struct wq_keys *keys = arg;
	struct wq_key *key = find(keys, line->serial);
	struct proc_view *v;

	if (!key)
		return;
	v = &key->proc;
	if (v->seen_pass != keys->proc_pass) {
		v->seen_pass = keys->proc_pass;
		v->seen = 0;
	}
	v->seen += line->known ? 1 : 2;
	v->expired = line->expired;
	v->new_expiry = line->expiry;
	/* what is compared itself needs no length */
	v->new_len = key->state.payload == WQ_PAYLOAD_UNREADABLE ||
				     key->state.payload == WQ_PAYLOAD_UNREAD
			     ? wq_proc_keys_len(line->tail, wq_key_description(&key->state))
			     : -1;
}

/* Compares what a whole pass saw of KEY with what the one before did. */
static void judge_line(struct wq_key *key)
{
	struct proc_view *v = &key->proc;
	bool first = v->pass == 0;

	if (v->seen_pass != key->keys->proc_pass || v->seen != 1 || v->expired ||
		key->state.life != WQ_KEY_ALIVE)
		return;
	v->pass = v->seen_pass;
	if (!first && v->len >= 0 && v->new_len >= 0 && v->len != v->new_len &&
		!wq_key_is_type(&key->state, "keyring"))
		post(key, NOTIFY_KEY_UPDATED, 0);
	if (!first && wq_expiry_differ(v->expiry, v->new_expiry))
		post(key, NOTIFY_KEY_SETATTR, 0);
	else if (!first)
		v->new_expiry = wq_expiry_both(v->expiry, v->new_expiry);
	v->expiry = v->new_expiry;
	v->len = v->new_len;
}

static bool proc_begin(struct wq_keys *keys)
{
	if (!keys->proc && !keys->proc_failed) {
		keys->proc = wq_proc_keys_open();
		if (!keys->proc) {
			keys->proc_failed = true;
			wq_log(WQ_LOG_WARNING,
				"/proc/keys: %s: changes of a timeout will not be seen",
				strerror(errno));
		}
	}
	if (!keys->proc)
		return false;
	wq_proc_keys_rewind(keys->proc);
	keys->proc_pass++;
	keys->proc_began_ns = wq_now_ns();
	keys->proc_cost_ns = 0;
	return true;
}

/* One part of a pass. True: there is more. */
static bool proc_step(struct wq_keys *keys)
{
	uint64_t began = wq_now_ns();
	int r = wq_proc_keys_next(keys->proc, see_line, keys);
	struct wq_key *key;

	keys->proc_cost_ns += wq_now_ns() - began;
	if (r > 0)
		return true;
	if (r == 0)
		TAILQ_FOREACH (key, &keys->all, node)
			judge_line(key);
	return false;
}

/* Is it time for a pass again, by its share of the CPU budget? */
static bool proc_due(const struct wq_keys *keys, uint64_t now)
{
	double wait = (double)keys->proc_cost_ns / (keys->config.cpu_budget * PROC_SHARE);

	return (double)(now - keys->proc_began_ns) >= wait;
}

/* What /proc/keys says of KEY before anything can change it, if that costs little; else
 * the next pass is the first that counts. */
static void proc_first_view(struct wq_keys *keys)
{
	if (keys->proc_stage || keys->proc_cost_ns > PROC_AT_WATCH_NS || !proc_begin(keys))
		return;
	while (proc_step(keys))
		;
}

/* ---- rounds ---- */

static void tell_gone(struct wq_keys *keys)
{
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&keys->gone)))
		/* the release of its last watch frees it */
		wq_watch_list_remove(&key->watchers, (uint64_t)key->serial);
}

static void plan_next(struct wq_keys *keys)
{
	uint64_t min = (uint64_t)keys->config.poll_min_ms * NS_PER_MS;
	uint64_t due;

	if (TAILQ_EMPTY(&keys->all) && TAILQ_EMPTY(&keys->gone)) {
		wq_timer_clear(keys->loop, &keys->timer);
		return;
	}
	keys->interval_ns = (uint64_t)((double)keys->last_cost_ns / keys->config.cpu_budget);
	if (keys->interval_ns < min)
		keys->interval_ns = min;
	due = keys->round_ns + keys->interval_ns;
	wq_timer_set(keys->loop, &keys->timer, due);
}

static void begin_round(struct wq_keys *keys, bool thorough)
{
	keys->running = true;
	keys->round++;
	keys->round_ns = wq_now_ns();
	keys->cost_ns = 0;
	keys->proc_stage = (thorough || proc_due(keys, keys->round_ns)) && proc_begin(keys);
	keys->next = TAILQ_FIRST(&keys->all);
}

static void end_round(struct wq_keys *keys)
{
	struct wq_keys_sync *sync, *tmp;
	TAILQ_HEAD(, wq_keys_sync) done = TAILQ_HEAD_INITIALIZER(done);

	keys->running = false;
	keys->last_cost_ns = keys->cost_ns;
	tell_gone(keys);
	plan_next(keys);
	for (sync = TAILQ_FIRST(&keys->syncs); sync; sync = tmp) {
		tmp = TAILQ_NEXT(sync, node);
		if (sync->round > keys->round)
			continue;
		TAILQ_REMOVE(&keys->syncs, sync, node);
		TAILQ_INSERT_TAIL(&done, sync, node);
	}
	while ((sync = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, sync, node);
		sync->done(sync);
	}
}

/* Goes on with the round until it ends or ALLOWED_NS are used up. */
static void step_round(struct wq_keys *keys, uint64_t allowed_ns)
{
	uint64_t until = wq_now_ns() + allowed_ns, cpu = cpu_ns();
	unsigned int n = 0;

	while (keys->proc_stage) {
		keys->proc_stage = proc_step(keys);
		if (wq_now_ns() >= until)
			goto out;
	}
	while (keys->next) {
		struct wq_key *key = keys->next;

		keys->next = TAILQ_NEXT(key, node);
		look_at(key);
		if (++n % 8 == 0 && wq_now_ns() >= until)
			break;
	}
out:
	keys->cost_ns += cpu_ns() - cpu;
	if (!keys->next && !keys->proc_stage)
		end_round(keys);
}

/* A sync wants a round that begins after it. */
void wq_keys_sync(struct wq_keys *keys, struct wq_keys_sync *sync)
{
	sync->round = keys->round + 1;
	TAILQ_INSERT_TAIL(&keys->syncs, sync, node);
	if (!keys->running) {
		begin_round(keys, true);
		step_round(keys, SLICE_NS);
	}
	if (keys->running)
		wq_timer_set(keys->loop, &keys->timer, 0);
}

void wq_keys_sync_cancel(struct wq_keys *keys, struct wq_keys_sync *sync)
{
	TAILQ_REMOVE(&keys->syncs, sync, node);
}

/* Where the interval that the budget asks for is longer than the longest wanted, a round
 * is spread over several turns, each within the budget. */
static uint64_t turn_ns(const struct wq_keys *keys)
{
	uint64_t max = (uint64_t)keys->config.poll_max_ms * NS_PER_MS;

	return (uint64_t)((double)max * keys->config.cpu_budget);
}

static void on_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, timer);
	uint64_t began = wq_now_ns(), turn = turn_ns(keys);
	bool urgent = !TAILQ_EMPTY(&keys->syncs);

	if (!keys->running)
		begin_round(keys, urgent);
	step_round(keys, SLICE_NS);
	if (!keys->running) {
		if (!TAILQ_EMPTY(&keys->syncs))
			wq_timer_set(keys->loop, &keys->timer, 0);
		return;
	}
	keys->turn_used_ns += wq_now_ns() - began;
	if (urgent || keys->turn_used_ns < turn) {
		wq_timer_set(keys->loop, &keys->timer, 0);
		return;
	}
	keys->turn_used_ns = 0;
	wq_timer_set(keys->loop, &keys->timer,
		began + (uint64_t)keys->config.poll_max_ms * NS_PER_MS);
}

/* ---- watches ---- */

/* One more watch for CALLER's user: 0, -EAGAIN or -ENOMEM. */
static int user_charge(struct wq_keys *keys, const struct wq_caller *caller, struct user **out)
{
	struct user *user;
	uid_t uid = caller->uid;

	HASH_FIND(hh, keys->users, &uid, sizeof(uid), user);
	if ((user ? user->watches : 0) >= wq_caller_nofile(caller))
		return -EAGAIN;
	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return -ENOMEM;
		user->uid = uid;
		HASH_ADD(hh, keys->users, uid, sizeof(uid), user);
		if (!user->hh.tbl) {
			free(user);
			return -ENOMEM;
		}
	}
	user->watches++;
	*out = user;
	return 0;
}

static void user_uncharge(struct wq_keys *keys, struct user *user)
{
	if (--user->watches)
		return;
	HASH_DEL(keys->users, user);
	free(user);
}

static void free_key(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (keys->next == key)
		keys->next = TAILQ_NEXT(key, node);
	if (key->state.life == WQ_KEY_GONE)
		TAILQ_REMOVE(&keys->gone, key, node);
	else
		TAILQ_REMOVE(&keys->all, key, node);
	HASH_DEL(keys->by_serial, key);
	wq_key_state_fini(&key->state);
	free(key);
}

static void release_watch(struct wq_watch *watch)
{
	struct key_watch *kw = (struct key_watch *)watch;
	struct wq_key *key = watch->private;

	user_uncharge(key->keys, kw->user);
	free(kw);
	if (wq_watch_list_empty(&key->watchers))
		free_key(key);
}

static bool caller_in_group(const struct wq_caller *caller, gid_t gid)
{
	return caller->gid == gid || caller->in_group(caller, gid);
}

/* What lookup_user_key(KEY_NEED_VIEW) says to CALLER; the description is in
 * keys->scratch when it says 0. */
static int lookup(struct wq_keys *keys, int32_t serial, const struct wq_caller *caller)
{
	struct wq_key_state *s = &keys->scratch;
	int r;

	if (serial <= 0)
		return -EINVAL;
	r = wq_look_describe(keys->look, serial, s);
	if (r < 0)
		return r;
	switch (s->life) {
	case WQ_KEY_ALIVE:
		break;
	case WQ_KEY_HIDDEN:
		return -EACCES;
	case WQ_KEY_EXPIRED:
		return -EKEYEXPIRED;
	case WQ_KEY_REVOKED:
		return -EKEYREVOKED;
	case WQ_KEY_INVALIDATED:
	case WQ_KEY_GONE:
		return -ENOKEY;
	}
	/* once watched it has been constructed */
	r = find(keys, serial) ? 0 : wq_look_constructed(keys->look, serial);
	if (r < 0)
		return r;
	return may_view(s, caller->uid, caller_in_group, caller) ? 0 : -EACCES;
}

/* Begins to observe SERIAL, which lookup() has just described. */
static struct wq_key *new_key(struct wq_keys *keys, int32_t serial)
{
	struct wq_key *key = calloc(1, sizeof(*key));
	int r;

	if (!key)
		return NULL;
	key->keys = keys;
	key->serial = serial;
	key->proc.len = -1;
	wq_watch_list_init(&key->watchers, release_watch);
	r = snapshot(key);
	if (r < 0) {
		free(key);
		return NULL;
	}
	adopt(&key->state, &keys->scratch, false);
	HASH_ADD_INT(keys->by_serial, serial, key);
	if (!key->hh.tbl) {
		wq_key_state_fini(&key->state);
		free(key);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&keys->all, key, node);
	proc_first_view(keys);
	return key;
}

static int add_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller)
{
	struct wq_key *key = find(keys, serial);
	struct key_watch *kw = calloc(1, sizeof(*kw));
	int r = -ENOMEM;

	if (!kw)
		return -ENOMEM;
	if (!key)
		key = new_key(keys, serial);
	else
		look_at(key); /* what was before this watch is not for it */
	if (!key)
		goto err;
	if (key->state.life == WQ_KEY_GONE) {
		r = -ENOKEY;
		goto err_key;
	}
	wq_watch_init(&kw->watch, queue);
	kw->watch.id = (uint64_t)serial;
	kw->watch.info_id = (uint32_t)watch_id << WATCH_INFO_ID__SHIFT;
	kw->watch.private = key;
	r = wq_watch_exists(&kw->watch, &key->watchers) ? -EBUSY
							: user_charge(keys, caller, &kw->user);
	if (r == 0)
		r = wq_watch_add(&kw->watch, &key->watchers);
	if (r < 0)
		goto err_key;
	if (!keys->running && !keys->timer.set)
		plan_next(keys);
	return 0;

err_key:
	if (wq_watch_list_empty(&key->watchers))
		free_key(key);
err:
	free(kw);
	return r;
}

int wq_keys_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller)
{
	struct wq_key *key;
	int r;

	if (watch_id < -1 || watch_id > WQFS_WATCH_ID_MAX)
		return -EINVAL;
	r = lookup(keys, serial, caller);
	if (r < 0)
		return r;
	if (watch_id >= 0)
		return add_watch(keys, queue, serial, watch_id, caller);
	key = find(keys, serial);
	if (!key)
		return -EBADSLT;
	look_at(key); /* its last records come before REMOVAL */
	return wq_watch_remove(&key->watchers, queue, (uint64_t)serial, false);
}

/* ---- the rest ---- */

struct wq_keys *wq_keys_new(const struct wq_keys_config *config, struct wq_loop *loop)
{
	struct wq_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	keys->config = *config;
	keys->loop = loop;
	keys->timer.fire = on_timer;
	TAILQ_INIT(&keys->all);
	TAILQ_INIT(&keys->gone);
	TAILQ_INIT(&keys->syncs);
	keys->look = wq_look_new();
	if (!keys->look) {
		free(keys);
		return NULL;
	}
	return keys;
}

void wq_keys_free(struct wq_keys *keys)
{
	if (!keys)
		return;
	wq_timer_clear(keys->loop, &keys->timer);
	wq_proc_keys_close(keys->proc);
	wq_key_state_fini(&keys->scratch);
	wq_look_free(keys->look);
	free(keys);
}

void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s)
{
	s->source = WQFS_SOURCE_POLL;
	s->interval_us = (uint32_t)(keys->interval_ns / 1000u);
}

const char *wq_keys_source_text(const struct wq_keys *keys)
{
	return "poll";
}

static const char *how_observed(const struct wq_key *key)
{
	switch (key->state.life) {
	case WQ_KEY_HIDDEN:
		return "not viewable: only its end is seen";
	case WQ_KEY_EXPIRED:
		return "expired: its removal is awaited";
	case WQ_KEY_REVOKED:
		return "revoked: its removal is awaited";
	case WQ_KEY_INVALIDATED:
	case WQ_KEY_GONE:
		return "invalidated: its removal is awaited";
	case WQ_KEY_ALIVE:
		break;
	}
	switch (key->state.payload) {
	case WQ_PAYLOAD_UNREADABLE:
		return wq_key_is_type(&key->state, "keyring")
			       ? "members not readable: links are not seen"
			       : "payload not readable: only updates that change its length "
				 "are seen";
	case WQ_PAYLOAD_UNREAD:
		return "payload of this type is not read: updates are not seen";
	case WQ_PAYLOAD_DIGEST:
		return "payload compared";
	case WQ_PAYLOAD_MEMBERS:
		break;
	}
	return "members compared";
}

int wq_keys_describe_watch(const struct wq_watch *watch, char *buf, size_t size)
{
	const struct wq_key *key = watch->private;

	return snprintf(buf, size, "%d %u %s\t%s", key->serial,
		watch->info_id >> WATCH_INFO_ID__SHIFT, key->state.describe, how_observed(key));
}
