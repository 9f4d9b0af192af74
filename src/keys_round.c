/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <keyutils.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "container.h"
#include "keys_internal.h"
#include "log.h"

#define NAMES_PER_LOOK	 128	   /* members described in one look, to know a displacement */
#define SOON_NS		 NS_PER_MS /* before a round that a hint asked for */
#define SUSPECT_NS	 NS_PER_MS /* after a difference: until the hints are asked for it */
#define PROC_SHARE	 0.1	   /* of the CPU budget may go into /proc/keys */
#define PROC_HELD_NS	 NS_PER_S
#define PROC_AT_WATCH_NS (NS_PER_MS / 4) /* a pass this cheap is made for each new watch */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

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

/* A record for a difference: nobody knows who caused it. */
static void post_difference(void *arg, enum key_notification_subtype subtype, uint32_t aux)
{
	wq_keys_post(arg, subtype, aux, NULL, UINT64_MAX);
	wq_keys_note_told(arg, (uint8_t)subtype, aux);
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
		if (keys->dead[i] == serial)
			return true;
	return false;
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
	const struct wq_key *ring = arg;

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
	return WQ_MEMBER_UNLINKED;
}

/* ---- one key ---- */

/* KEY_OTH_VIEW, KEY_GRP_VIEW, KEY_USR_VIEW: which of them decides for UID and GID, as
 * key_task_permission() has it; possession is not ours to judge. */
bool wq_keys_may_view(const struct wq_key_state *s, uid_t uid,
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
	return wq_keys_may_view(s, geteuid(), our_group, NULL);
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
			m->name = wq_look_name(key->keys->look, m->serial);
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
	int r = wq_look_describe(keys->look, key->serial, new);

	if (r < 0 || new->life != WQ_KEY_ALIVE)
		return r;
	r = wq_look_payload(keys->look, key->serial, new);
	if (r == 0 && new->payload == WQ_PAYLOAD_MEMBERS) {
		name_members(keys, &key->state, new);
		key->unnamed_from = 0;
	}
	return r;
}

static void clear_suspect(struct wq_key *key);

/* Whoever goes through the keys and stands at KEY, which leaves, goes on behind it. */
static void step_over(const struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (keys->next == key)
		keys->next = TAILQ_NEXT(key, node);
	if (keys->end_next == key)
		keys->end_next = TAILQ_NEXT(key, node);
}

void wq_keys_bury(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	step_over(key);
	clear_suspect(key);
	if (known_dead(key))
		keys->dead[keys->dead_next++ % DEAD_MAX] = key->serial;
	TAILQ_REMOVE(&keys->all, key, node);
	TAILQ_INSERT_TAIL(&keys->gone, key, node);
	key->buried = true;
	key->state.life = WQ_KEY_GONE;
}

void wq_keys_forget_key(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	step_over(key);
	clear_suspect(key);
	TAILQ_REMOVE(key->buried ? &keys->gone : &keys->all, key, node);
}

static void note_unexpected_expiry(struct wq_key *key, const struct wq_key_state *new)
{
	if (new->life == WQ_KEY_EXPIRED && key->state.life == WQ_KEY_ALIVE && key->proc.pass &&
		!wq_expiry_differ(key->proc.expiry, wq_expiry_never))
		post_difference(key, NOTIFY_KEY_SETATTR, 0);
}

/* What hints told of already is the state from which NEW is judged. */
static void absorb_told(struct wq_key *key, const struct wq_key_state *new)
{
	struct wq_key_state *old = &key->state;

	if (key->stale_payload &&
		old->payload == new->payload &&new->payload == WQ_PAYLOAD_DIGEST) {
		old->len = new->len;
		memcpy(old->digest, new->digest, sizeof(old->digest));
	}
	if (key->stale_attrs) {
		old->uid = new->uid;
		old->gid = new->gid;
		old->perm = new->perm;
	}
	key->stale_payload = key->stale_attrs = false;
}

static void count_difference(void *arg, enum key_notification_subtype subtype, uint32_t aux)
{
	++*(unsigned int *)arg;
}

static enum wq_member_fate any_fate(void *arg, int32_t serial)
{
	return WQ_MEMBER_UNLINKED;
}

static bool differs(const struct wq_key *key, const struct wq_key_state *new)
{
	static const struct wq_diff_ops ops = {count_difference, any_fate, sees_by_attributes};
	unsigned int n = 0;

	wq_key_diff(&key->state, new, &ops, &n);
	return n > 0 || new->life == WQ_KEY_GONE;
}

static void suspect(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (key->suspect_ns)
		return;
	key->suspect_ns = wq_now_ns();
	TAILQ_INSERT_TAIL(&keys->suspects, key, suspect_node);
	wq_timer_set(keys->loop, &keys->suspect_timer, key->suspect_ns + SUSPECT_NS);
}

static void clear_suspect(struct wq_key *key)
{
	if (!key->suspect_ns)
		return;
	TAILQ_REMOVE(&key->keys->suspects, key, suspect_node);
	key->suspect_ns = 0;
}

static const struct wq_diff_ops diff_ops = {post_difference, fate_of, sees_by_attributes};

/* A difference that is SURE is one that no hint will explain any more. */
static void look(struct wq_key *key, bool sure)
{
	struct wq_keys *keys = key->keys;
	struct wq_key_state *new = &keys->scratch;

	if (wq_look_same(keys->look, key->serial, &key->state)) {
		key->stale_payload = key->stale_attrs = false;
		name_more(key);
		return;
	}
	if (snapshot(key) < 0) {
		wq_log(WQ_LOG_ERR, "no memory to look at key %d: its changes come late",
			key->serial);
		return;
	}
	if (new->life == WQ_KEY_ALIVE)
		absorb_told(key, new);
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
}

void wq_keys_look_at(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	/* One that waits already is looked at when its wait is over. */
	if (!key->suspect_ns && !key->buried)
		look(key, !keys->trace && !keys->inflight);
}

void wq_keys_rebase(struct wq_key *key)
{
	if (snapshot(key) >= 0 && key->keys->scratch.life == WQ_KEY_ALIVE)
		absorb_told(key, &key->keys->scratch);
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
 * hint has been taken in. */
static void judge_suspects(struct wq_keys *keys)
{
	struct wq_key *key, *next;

	wq_keys_catch_up(keys);
	for (key = TAILQ_FIRST(&keys->suspects); key; key = next) {
		next = TAILQ_NEXT(key, suspect_node);
		if (wq_keys_inflight(key, key->suspect_ns))
			continue;
		clear_suspect(key);
		look(key, true);
	}
}

/* ---- /proc/keys ---- */

static void see_line(void *arg, const struct wq_proc_key *line)
{
	struct wq_keys *keys = arg;
	struct wq_key *key = wq_keys_find(keys, line->serial);
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
		post_difference(key, NOTIFY_KEY_UPDATED, 0);
	if (!first && wq_expiry_differ(v->expiry, v->new_expiry))
		post_difference(key, NOTIFY_KEY_SETATTR, 0);
	else if (!first)
		v->new_expiry = wq_expiry_both(v->expiry, v->new_expiry);
	v->expiry = v->new_expiry;
	v->len = v->new_len;
	if (wq_expiry_differ(v->expiry, wq_expiry_never) && !key->ends_at)
		wq_keys_ends_at(key, v->expiry.to + wq_keys_gc_delay());
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

/* What a hint tells is no difference: while one that may come to KEY is on its way KEY is not
 * judged. On a busy machine, or for somebody's ill will, one always is. */
static bool held_up(struct wq_key *key, uint64_t now)
{
	struct proc_view *v = &key->proc;

	if (!wq_keys_inflight(key, now))
		v->held_ns = 0;
	else if (!v->held_ns)
		v->held_ns = now;
	return v->held_ns && now - v->held_ns < PROC_HELD_NS;
}

static void judge_lines(struct wq_keys *keys)
{
	uint64_t now;
	struct wq_key *key;

	wq_keys_catch_up(keys);
	now = wq_now_ns();
	TAILQ_FOREACH (key, &keys->all, node)
		if (!held_up(key, now))
			judge_line(key);
}

/* One part of a pass. True: there is more. */
static bool proc_step(struct wq_keys *keys)
{
	uint64_t began = wq_now_ns();
	int r = wq_proc_keys_next(keys->proc, see_line, keys);

	if (r == 0)
		judge_lines(keys);
	keys->proc_cost_ns += wq_now_ns() - began;
	return r > 0;
}

/* Is it time for a pass again, by its share of the CPU budget? */
static bool proc_due(const struct wq_keys *keys, uint64_t now)
{
	double wait = (double)keys->proc_cost_ns / (keys->config.cpu_budget * PROC_SHARE);

	return (double)(now - keys->proc_began_ns) >= wait;
}

/* What /proc/keys says of KEY before anything can change it, if that costs little; else
 * the next pass is the first that counts. */
void wq_keys_proc_first_view(struct wq_keys *keys)
{
	if (keys->proc_stage || keys->proc_cost_ns > PROC_AT_WATCH_NS || !proc_begin(keys))
		return;
	while (proc_step(keys))
		;
}

/* ---- rounds ---- */

void wq_keys_tell_gone(struct wq_keys *keys)
{
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&keys->gone)))
		/* the release of its last watch frees it */
		wq_watch_list_remove(&key->watchers, (uint64_t)key->serial);
}

/* The end of the pause that a round of the last one's cost asks for. */
static uint64_t after_pause(const struct wq_keys *keys)
{
	uint64_t pause = (uint64_t)((double)keys->last_cost_ns / keys->config.cpu_budget);

	return keys->round_ns + (pause > SOON_NS ? pause : SOON_NS);
}

void wq_keys_plan(struct wq_keys *keys)
{
	uint64_t min = (uint64_t)keys->config.poll_min_ms * NS_PER_MS;
	uint64_t due;

	if (TAILQ_EMPTY(&keys->all) && TAILQ_EMPTY(&keys->gone)) {
		wq_timer_clear(keys->loop, &keys->timer);
		return;
	}
	if (keys->trace) {
		keys->interval_ns = keys->config.resync_s * (uint64_t)NS_PER_S;
		due = keys->resync_ns + keys->interval_ns;
		if (keys->soon && after_pause(keys) < due)
			due = after_pause(keys);
	} else {
		keys->interval_ns =
			(uint64_t)((double)keys->last_cost_ns / keys->config.cpu_budget);
		if (keys->interval_ns < min)
			keys->interval_ns = min;
		due = keys->round_ns + keys->interval_ns;
	}
	wq_timer_set(keys->loop, &keys->timer, due);
}

void wq_keys_look_soon(struct wq_keys *keys)
{
	keys->soon = true;
	if (!keys->running)
		wq_keys_plan(keys);
}

void wq_keys_resync(struct wq_keys *keys)
{
	keys->resync_ns = 0;
	if (!keys->running)
		wq_timer_set(keys->loop, &keys->timer, 0);
}

static void begin_round(struct wq_keys *keys, bool thorough)
{
	if (thorough)
		wq_keys_check_trace(keys);
	keys->running = true;
	keys->soon = false;
	keys->round++;
	keys->round_ns = wq_now_ns();
	if (thorough)
		keys->resync_ns = keys->round_ns;
	keys->cost_ns = 0;
	keys->proc_stage = (thorough || (!keys->trace && proc_due(keys, keys->round_ns))) &&
			   proc_begin(keys);
	keys->next = TAILQ_FIRST(&keys->all);
}

static void end_round(struct wq_keys *keys)
{
	struct wq_keys_sync *sync, *tmp;
	TAILQ_HEAD(, wq_keys_sync) done = TAILQ_HEAD_INITIALIZER(done);

	keys->running = false;
	keys->turn_used_ns = 0;
	keys->last_cost_ns = keys->cost_ns;
	wq_keys_tell_gone(keys);
	wq_keys_plan(keys);
	for (sync = TAILQ_FIRST(&keys->syncs); sync; sync = tmp) {
		tmp = TAILQ_NEXT(sync, node);
		if (sync->round > keys->round)
			continue;
		TAILQ_REMOVE(&keys->syncs, sync, node);
		TAILQ_INSERT_TAIL(&done, sync, node);
	}
	if (!TAILQ_EMPTY(&keys->syncs))
		wq_timer_set(keys->loop, &keys->timer, 0);
	while ((sync = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, sync, node);
		sync->done(sync);
	}
}

/* All keys were looked at; those that are suspected still hold the round up. */
static void may_end_round(struct wq_keys *keys)
{
	if (keys->running && !keys->next && !keys->proc_stage && TAILQ_EMPTY(&keys->suspects))
		end_round(keys);
}

/* Goes on with the round until it ends or ALLOWED_NS are used up. */
static void step_round(struct wq_keys *keys, uint64_t allowed_ns)
{
	uint64_t until = wq_now_ns() + allowed_ns, cpu = cpu_ns();
	unsigned int n = 0;

	wq_keys_catch_up(keys);
	while (keys->proc_stage && wq_now_ns() < until)
		keys->proc_stage = proc_step(keys);
	while (keys->next && !keys->proc_stage) {
		struct wq_key *key = keys->next;

		keys->next = TAILQ_NEXT(key, node);
		wq_keys_look_at(key);
		if (++n % 8 == 0 && wq_now_ns() >= until)
			break;
	}
	keys->cost_ns += cpu_ns() - cpu;
	may_end_round(keys);
}

static void on_suspect_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, suspect_timer);

	judge_suspects(keys);
	if (!TAILQ_EMPTY(&keys->suspects))
		wq_timer_set(keys->loop, timer, wq_now_ns() + SUSPECT_NS);
	if (!keys->running)
		wq_keys_tell_gone(keys);
	else
		may_end_round(keys);
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
	bool urgent = !TAILQ_EMPTY(&keys->syncs) || keys->trace;
	bool resync = keys->trace && began >= keys->resync_ns + keys->interval_ns;

	if (!keys->running)
		begin_round(keys, !TAILQ_EMPTY(&keys->syncs) || resync || keys->trace_died);
	step_round(keys, SLICE_NS);
	if (!keys->running || (!keys->next && !keys->proc_stage))
		return; /* done, or the suspects' timer goes on */
	keys->turn_used_ns += wq_now_ns() - began;
	if (urgent || keys->turn_used_ns < turn) {
		wq_timer_set(keys->loop, &keys->timer, 0);
		return;
	}
	keys->turn_used_ns = 0;
	wq_timer_set(keys->loop, &keys->timer,
		began + (uint64_t)keys->config.poll_max_ms * NS_PER_MS);
}

void wq_keys_round_init(struct wq_keys *keys)
{
	TAILQ_INIT(&keys->all);
	TAILQ_INIT(&keys->gone);
	TAILQ_INIT(&keys->syncs);
	TAILQ_INIT(&keys->suspects);
	keys->timer.fire = on_timer;
	keys->suspect_timer.fire = on_suspect_timer;
}

void wq_keys_round_fini(struct wq_keys *keys)
{
	wq_timer_clear(keys->loop, &keys->timer);
	wq_timer_clear(keys->loop, &keys->suspect_timer);
	wq_proc_keys_close(keys->proc);
}
