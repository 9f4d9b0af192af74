/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <keyutils.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/container.h"
#include "base/log.h"
#include "base/unused.h"
#include "keys/access.h"
#include "keys/apply.h"
#include "keys/compare.h"
#include "keys/post.h"
#include "keys/snapshot.h"

#define REFRESH_NS    WQ_NSEC_PER_MSEC /* from an operation to the snapshot for its key */
#define REFRESH_PAUSE 4		       /* times longer than the slice before */
#define DEFER_NS      WQ_NSEC_PER_MSEC /* from a difference until operations are asked for */
/* Somebody who keeps changing a key cannot delay its records longer. */
#define DEFER_MAX_NS WQ_NSEC_PER_SEC

/* ---- what became of a member ---- */

/* Was SERIAL dead before it was destroyed, as far as we saw? */
static bool died_before(const struct wq_model *m, int32_t serial)
{
	const struct wq_key *key = wq_registry_find(&m->registry, serial);

	return (key && wq_model_known_dead(key)) ||
	       wq_fates_is_dead(&m->fates, serial, time(NULL));
}

/* If a key is destroyed its last link was removed, unless its timeout had passed. With a trace
 * it was collected in any case, because the trace would have reported an unlink. */
static bool was_collected(const struct wq_model *m, int32_t serial)
{
	if (wq_model_has(m, WQ_SOURCE_OPERATIONS))
		return !wq_fates_was_unlinked(&m->fates, serial);
	return wq_timeouts_is_due(&m->timeouts, serial, time(NULL));
}

/* The kernel posts nothing when it drops the link to a dead key. */
static enum wq_member_fate decide_fate(struct wq_key *ring, int32_t serial)
{
	enum wq_key_life life = wq_key_reader_life(ring->model->reader, serial);

	/* a live key has not died, whatever was reported */
	if (life != WQ_KEY_ALIVE && died_before(ring->model, serial))
		return WQ_MEMBER_COLLECTED;
	switch (life) {
	case WQ_KEY_EXPIRED:
	case WQ_KEY_REVOKED:
	case WQ_KEY_INVALIDATED:
		return WQ_MEMBER_COLLECTED;
	case WQ_KEY_DESTROYED:
		return was_collected(ring->model, serial) ? WQ_MEMBER_COLLECTED
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

static enum wq_member_fate fate_of(void *arg, int32_t serial)
{
	struct wq_key *ring = arg;
	enum wq_member_fate fate = decide_fate(ring, serial);

	if (fate != WQ_MEMBER_UNLINKED)
		wq_debug_keys("key %d: unlinked (%d) is not posted: the member was %s",
			ring->serial, serial,
			fate == WQ_MEMBER_COLLECTED ? "garbage collected" : "displaced");
	return fate;
}

/* ---- snapshots ---- */

static bool our_group(const struct wq_caller *self WQ_UNUSED, gid_t gid)
{
	gid_t list[256];
	int n;

	n = getgroups((int)ARRAY_SIZE(list), list);
	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return true;
	return false;
}

/* Do we see KEY by its attributes, and not by possession? */
static bool sees_by_attributes(const struct wq_key *key, const struct wq_key_state *s)
{
	const struct wq_caller self = {
		.uid = key->view.other ? key->view.uid : geteuid(),
		.gid = key->view.other ? key->view.gid : getegid(),
		.in_group = our_group,
	};

	return wq_access_may_view(s, &self);
}

int wq_compare_first(struct wq_key *key)
{
	const uint64_t began_ns = wq_now_ns();
	int r;

	key->exact_periods = key->model->exact_periods;
	key->needs_snapshot = wq_model_has(key->model, WQ_SOURCE_CHANGES);
	r = key->needs_snapshot ? wq_snapshot_attrs(key) : wq_snapshot(key);
	if (r < 0)
		return r;
	wq_apply_snapshot(key, &key->model->scratch);
	key->since_ns = wq_now_ns();
	key->seen_ns = began_ns;
	return 0;
}

void wq_compare_stop(struct wq_compare *c)
{
	c->model->exact_periods++;
}

/* ---- differences ---- */

/* Nothing has shown that KEY has a timeout, and nobody has reported one. */
static bool is_to_stay(const struct wq_key *key)
{
	const struct wq_proc_view *v = &key->proc;

	return v->pass && !wq_expiry_differ(v->is_said ? v->said : v->expiry, wq_expiry_never);
}

static void note_unexpected_expiry(struct wq_key *key, const struct wq_key_state *new)
{
	if (is_to_stay(key) && new->life == WQ_KEY_EXPIRED && key->state.life == WQ_KEY_ALIVE)
		wq_apply_difference(key, NOTIFY_KEY_SETATTR, 0);
}

static void record_difference(void *arg, enum key_notification_subtype subtype, uint32_t aux)
{
	wq_apply_difference(arg, subtype, aux);
}

/* An operation that is still to be reported may explain the difference. */
static void defer(struct wq_compare *c, struct wq_key *key)
{
	wq_debug_keys(
		"key %d: it differs, which an operation on its way may explain", key->serial);
	wq_registry_defer(&c->model->registry, key, wq_now_ns());
	wq_timer_set(c->model->loop, &c->deferred_timer, key->deferred_ns + DEFER_NS);
}

static bool sees(void *arg, const struct wq_key_state *s)
{
	return sees_by_attributes(arg, s);
}

static const struct wq_diff_ops diff_ops = {record_difference, fate_of, sees};

static bool differs(struct wq_key *key, const struct wq_key_state *new)
{
	return new->life == WQ_KEY_DESTROYED || key->needs_snapshot ||
	       wq_key_differs(&key->state, new, sees, key);
}

/* The first snapshot after a source that reported each change: no difference counts. The LOSS
 * at the end of that source precedes what was done since. */
static void begin_anew(struct wq_key *key)
{
	key->needs_snapshot = false;
	if (!wq_model_has(key->model, WQ_SOURCE_OPERATIONS))
		wq_post_key_loss(key);
}

/* The model of KEY is as a snapshot has shown it that began at BEGAN_NS. */
static void note_seen(struct wq_key *key, uint64_t began_ns)
{
	key->seen_ns = began_ns;
	key->nameless = 0;
}

/* Posts the differences between KEY and NEW, a snapshot that began at BEGAN_NS, and makes NEW
 * its model. */
static void adopt(struct wq_key *key, struct wq_key_state *new, uint64_t began_ns)
{
	if (key->needs_snapshot) {
		begin_anew(key);
	} else {
		note_unexpected_expiry(key, new);
		wq_key_diff(&key->state, new, &diff_ops, key);
	}
	if (new->life == WQ_KEY_DESTROYED)
		wq_model_destroyed(key);
	else
		wq_apply_snapshot(key, new);
	note_seen(key, began_ns);
}

/* Is KEY as its model says? Then nothing else need be compared. */
static bool is_same(struct wq_key *key)
{
	const uint64_t began_ns = wq_now_ns();

	if (key->needs_snapshot ||
		!wq_key_reader_same(key->model->reader, &key->view, key->serial, &key->state))
		return false;
	key->payload_reported = key->attrs_reported = false;
	note_seen(key, began_ns);
	wq_snapshot_names(key);
	return true;
}

static void no_memory(const struct wq_key *key)
{
	wq_log(WQ_LOG_ERR, "no memory for a snapshot of key %d: its changes come late",
		key->serial);
}

static bool has_description(const struct wq_key_state *s)
{
	return s->describe && *s->describe;
}

/* Is NEW another key, which got the serial when KEY had been destroyed? A key keeps its type
 * and its description, and does not come back to life. */
static bool is_another(const struct wq_key *key, const struct wq_key_state *new)
{
	const struct wq_key_state *old = &key->state;

	if (new->life != WQ_KEY_ALIVE || !has_description(new))
		return false;
	if (old->life == WQ_KEY_REVOKED || old->life == WQ_KEY_INVALIDATED)
		return true;
	return has_description(old) && !wq_key_is_same_name(old, new);
}

/* SURE: no operation can explain a difference any more. */
static void compare(struct wq_compare *c, struct wq_key *key, bool sure)
{
	struct wq_key_state *new = &c->model->scratch;
	uint64_t began_ns;
	int r;

	wq_model_notice(key);
	if (is_same(key))
		return;
	began_ns = wq_now_ns();
	r = wq_snapshot(key);
	if (r == 0 && is_another(key, new))
		new->life = WQ_KEY_DESTROYED;
	else if (r == 0)
		r = wq_apply_reported(key, new);
	if (r < 0)
		no_memory(key);
	else if (!sure && differs(key, new))
		defer(c, key);
	else
		adopt(key, new, began_ns);
}

void wq_compare_key(struct wq_compare *c, struct wq_key *key)
{
	const struct wq_model *m = c->model;

	/* A deferred one is compared when its wait is over. */
	if (!key->deferred_ns && !key->zombie && !wq_model_has(m, WQ_SOURCE_CHANGES))
		compare(c, key, !wq_model_has(m, WQ_SOURCE_OPERATIONS) && !m->inflight.by_tid);
}

void wq_compare_now(struct wq_compare *c, struct wq_key *key)
{
	if (key->zombie || wq_model_has(c->model, WQ_SOURCE_CHANGES))
		return;
	wq_registry_undefer(&c->model->registry, key);
	compare(c, key, true);
}

void wq_compare_view_as(struct wq_compare *c, struct wq_key *key, const struct wq_view_cred *as)
{
	if (wq_model_has(c->model, WQ_SOURCE_CHANGES)) {
		key->view = *as;
		if (wq_snapshot_attrs(key) >= 0)
			wq_apply_snapshot(key, &c->model->scratch);
		return;
	}
	wq_compare_key(c, key);
	key->view = *as;
	/* the operation that hid it was reported; a better view is no change */
	if (key->state.life == WQ_KEY_HIDDEN)
		key->attrs_reported = true;
	wq_compare_key(c, key);
}

/* ---- refreshing ---- */

static void refresh(struct wq_key *key)
{
	struct wq_key_state *new = &key->model->scratch;

	if ((key->needs_snapshot ? wq_snapshot_attrs(key) : wq_snapshot(key)) >= 0)
		/* If there is no memory the next snapshot does it. */
		(void)wq_apply_reported(key, new);
}

void wq_compare_refresh_now(struct wq_key *key, bool payload)
{
	bool payload_reported, attrs_reported;

	wq_model_notice(key);
	payload_reported = key->payload_reported;
	attrs_reported = key->attrs_reported;
	key->payload_reported |= payload;
	key->attrs_reported |= !payload;
	refresh(key);
	key->payload_reported &= payload_reported;
	key->attrs_reported &= attrs_reported;
}

void wq_compare_refresh_soon(struct wq_compare *c, struct wq_key *key)
{
	if (key->zombie)
		return;
	wq_registry_want_refresh(&c->model->registry, key);
	if (!c->refresh_timer.set)
		wq_timer_set(c->model->loop, &c->refresh_timer, wq_now_ns() + REFRESH_NS);
}

/* Does one slice; then pauses so that others get most of the core. */
static void on_refresh_timer(struct wq_timer *timer)
{
	struct wq_compare *c = wq_container_of(timer, struct wq_compare, refresh_timer);
	struct wq_registry *registry = &c->model->registry;
	uint64_t began = wq_now_ns(), now = began;
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&registry->refresh)) && now - began < WQ_PIECE_NS) {
		wq_registry_refreshed(registry, key);
		wq_model_notice(key);
		if (key->payload_reported || key->attrs_reported)
			refresh(key);
		now = wq_now_ns();
	}
	if (!TAILQ_EMPTY(&registry->refresh))
		wq_timer_set(c->model->loop, timer, now + REFRESH_PAUSE * (now - began));
}

/* ---- deferred differences ---- */

/* May the difference that was seen at SEEN_NS be posted? Not if operations on KEY were reported
 * since (then the count is no longer REPORTS), nor while one is under way. But it does not wait
 * for ever. */
static bool may_be_posted(const struct wq_key *key, unsigned int reports, uint64_t seen_ns)
{
	struct wq_model *m = key->model;

	return (key->reports == reports && !wq_inflight_may_change(&m->inflight, key, seen_ns,
						   wq_model_has(m, WQ_SOURCE_OPERATIONS))) ||
	       seen_ns - key->deferred_ns > DEFER_MAX_NS;
}

void wq_compare_begin(struct wq_compare *c)
{
	struct wq_registry *registry = &c->model->registry;

	c->until_ns = wq_now_ns() + WQ_PIECE_NS;
	if (!registry->deferred_next)
		registry->deferred_next = TAILQ_FIRST(&registry->deferred);
}

/* Compares KEY again. True: it still differs, and c->found is the snapshot. */
static bool find_again(struct wq_compare *c, struct wq_key *key)
{
	struct wq_model *m = c->model;
	struct wq_key_state found;

	if (is_same(key)) {
		wq_registry_undefer(&c->model->registry, key);
		return false;
	}
	c->found_began_ns = wq_now_ns();
	if (wq_snapshot(key) < 0) {
		no_memory(key);
		wq_registry_undefer(&c->model->registry, key);
		return false;
	}
	c->found_of = key->serial;
	c->found_reports = key->reports;
	c->found_ns = wq_now_ns();
	found = m->scratch; /* the scratch is used while events are handled */
	m->scratch = c->found;
	c->found = found;
	return true;
}

bool wq_compare_find(struct wq_compare *c)
{
	struct wq_model *m = c->model;
	struct wq_registry *registry = &m->registry;
	bool operations = wq_model_has(m, WQ_SOURCE_OPERATIONS);

	while (registry->deferred_next && wq_now_ns() < c->until_ns) {
		struct wq_key *key = registry->deferred_next;

		registry->deferred_next = TAILQ_NEXT(key, deferred_node);
		wq_model_notice(key);
		if (key->deferred_ns &&
			!wq_inflight_may_change(
				&m->inflight, key, key->deferred_ns, operations) &&
			find_again(c, key))
			return true;
	}
	return false;
}

void wq_compare_settle(struct wq_compare *c)
{
	struct wq_key *key = wq_registry_find(&c->model->registry, c->found_of);

	if (key)
		wq_model_notice(key);
	if (!key || !key->deferred_ns || !may_be_posted(key, c->found_reports, c->found_ns))
		return;
	wq_registry_undefer(&c->model->registry, key);
	if (wq_apply_reported(key, &c->found) < 0)
		no_memory(key);
	else
		adopt(key, &c->found, c->found_began_ns);
}

bool wq_compare_has_more(const struct wq_compare *c)
{
	return c->model->registry.deferred_next != NULL;
}

void wq_compare_wait(struct wq_compare *c, bool more)
{
	if (!TAILQ_EMPTY(&c->model->registry.deferred))
		wq_timer_set(
			c->model->loop, &c->deferred_timer, more ? 0 : wq_now_ns() + DEFER_NS);
}

void wq_compare_init(struct wq_compare *c, struct wq_model *model)
{
	c->model = model;
	c->refresh_timer.fire = on_refresh_timer;
}

void wq_compare_fini(struct wq_compare *c)
{
	wq_timer_clear(c->model->loop, &c->refresh_timer);
	wq_timer_clear(c->model->loop, &c->deferred_timer);
	wq_key_state_fini(&c->found);
}
