/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/scan.h"

/* The time before a scan that an operation has asked for. */
#define SOON_NS	   WQ_NSEC_PER_MSEC
#define RESYNC_S   30	/* the default where operations are reported */
#define ALIVE_S	   30	/* so often we check whether the source is still alive */
#define SYNC_SHARE 0.25 /* the share of a core for scans that the syncs of one user ask for */
/* The same for several users: after each scan a pause of half its cost. */
/* The least for keys in a turn, whatever else was handled before. */
#define LEAST_NS  (WQ_PIECE_NS / 2)
#define ALL_SHARE 2.0

/* ---- when ---- */

/* What is found from now on is posted by the end of this scan. */
static void set_found_scan(struct wq_scan *s)
{
	s->model->registry.found_scan = s->nr + !s->running;
}

/* Does a sync wait for a scan that has not begun? */
static bool is_wanted(const struct wq_scan *s)
{
	const struct wq_keys_sync *last = TAILQ_LAST(&s->syncs, wq_sync_list);

	return last && last->nr > s->nr;
}

/* The pause after a scan of the last one's cost that leaves SHARE of a core for scans. */
static uint64_t pause_for(const struct wq_scan *s, double share)
{
	return (uint64_t)((double)(s->last_cost_ns + s->last_pass_ns) / share);
}

/* The time of the scan after a loss. */
static uint64_t resync_due(const struct wq_scan *s)
{
	return s->ended_ns + pause_for(s, SYNC_SHARE);
}

/* When the first of the waiting syncs may have its scan. One after the other takes a share of
 * the CPU, for which its user pays. */
static uint64_t sync_due(const struct wq_scan *s)
{
	uint64_t all = s->ended_ns + pause_for(s, ALL_SHARE);

	return s->wanted_ns > all ? s->wanted_ns : all;
}

/* A scan begins: charges the users whose syncs wait for it. */
static void charge_syncs(struct wq_scan *s)
{
	uint64_t cost = s->last_cost_ns + s->last_pass_ns;
	uint64_t due = s->began_ns + cost + pause_for(s, SYNC_SHARE);
	const struct wq_keys_sync *sync;

	TAILQ_FOREACH_REVERSE (sync, &s->syncs, wq_sync_list, node) {
		if (sync->nr < s->nr)
			break;
		wq_turns_take(&s->turns, sync->uid, due, s->began_ns);
	}
	s->wanted_ns = UINT64_MAX;
}

/* The earliest time to repeat, within the budget, what has cost COST_NS. */
static uint64_t in_budget(const struct wq_scan *s, uint64_t cost_ns)
{
	return (uint64_t)((double)cost_ns / s->model->config.pace.cpu_budget);
}

/* The end of the pause after a scan of the last one's cost. */
static uint64_t after_pause(const struct wq_scan *s)
{
	uint64_t pause = in_budget(s, s->last_cost_ns);

	return s->began_ns + (pause > SOON_NS ? pause : SOON_NS);
}

unsigned int wq_scan_resync_s(const struct wq_scan *s)
{
	const struct wq_model *m = s->model;

	if (m->config.pace.resync_s || !wq_model_has(m, WQ_SOURCE_OPERATIONS))
		return m->config.pace.resync_s;
	return RESYNC_S;
}

/* With a source: when the next thorough scan is due. */
static uint64_t next_thorough(const struct wq_scan *s)
{
	unsigned int resync_s = wq_scan_resync_s(s);

	/* resync_ns 0 means now, even shortly after boot */
	return s->resync_ns ? s->resync_ns + (resync_s ? resync_s : ALIVE_S) *
						     (uint64_t)WQ_NSEC_PER_SEC
			    : resync_due(s);
}

/* When the next scan is due that no sync asks for. */
static uint64_t next_due(struct wq_scan *s)
{
	uint64_t min = (uint64_t)s->model->config.pace.poll_min_ms * WQ_NSEC_PER_MSEC, due;

	if (wq_model_has_events(s->model)) {
		s->interval_ns = wq_scan_resync_s(s) * (uint64_t)WQ_NSEC_PER_SEC;
		due = next_thorough(s);
		return s->soon && after_pause(s) < due ? after_pause(s) : due;
	}
	s->interval_ns = in_budget(s, s->last_cost_ns);
	if (s->interval_ns < min)
		s->interval_ns = min;
	due = s->began_ns + s->interval_ns;
	/* the pause comes before the scan, so that there is no peak of load */
	return wq_expiry_due(s->expiry, due) ? due + in_budget(s, s->last_pass_ns) : due;
}

/* Sets the timer of the next scan. */
static void plan(struct wq_scan *s)
{
	const struct wq_registry *registry = &s->model->registry;
	bool wanted = is_wanted(s);
	uint64_t due;

	/* a scan also looks for another source in the place of one that has died */
	if (TAILQ_EMPTY(&registry->all) && TAILQ_EMPTY(&registry->zombies) && !wanted &&
		!s->model->sources.died) {
		wq_timer_clear(s->model->loop, &s->timer);
		return;
	}
	due = next_due(s);
	if (wanted && sync_due(s) < due)
		due = sync_due(s);
	wq_timer_set(s->model->loop, &s->timer, due);
}

void wq_scan_start(struct wq_scan *s)
{
	if (s->running || s->timer.set)
		return;
	s->began_ns = wq_now_ns();
	plan(s);
}

void wq_scan_soon(struct wq_scan *s)
{
	if (wq_model_has(s->model, WQ_SOURCE_CHANGES))
		return;
	s->soon = true;
	if (!s->running)
		plan(s);
}

void wq_scan_resync(struct wq_scan *s)
{
	s->resync_ns = 0;
	if (!s->running && !(s->timer.set && s->timer.due_ns < resync_due(s)))
		wq_timer_set(s->model->loop, &s->timer, resync_due(s));
}

void wq_scan_replan(struct wq_scan *s)
{
	if (s->running) /* it goes on at once, and then waits as long as it may now */
		wq_timer_set(s->model->loop, &s->timer, 0);
	else if (s->timer.set)
		plan(s);
}

bool wq_scan_is_thorough(const struct wq_scan *s, uint64_t now_ns)
{
	return is_wanted(s) ||
	       (wq_model_has_events(s->model) && (!s->resync_ns || now_ns >= next_thorough(s)));
}

/* ---- what ---- */

void wq_scan_begin(struct wq_scan *s, bool thorough)
{
	bool has_events = wq_model_has_events(s->model);
	bool compares = !wq_model_has(s->model, WQ_SOURCE_CHANGES);

	s->running = true;
	s->soon = false;
	s->nr++;
	set_found_scan(s);
	s->began_ns = wq_now_ns();
	charge_syncs(s);
	if (thorough)
		s->resync_ns = s->began_ns;
	s->cost_ns = s->pass_cost_ns = 0;
	s->expiry_stage =
		compares &&
		(thorough || (!has_events && wq_expiry_due(s->expiry, s->began_ns))) &&
		wq_expiry_begin(s->expiry);
	s->passed = s->expiry_stage;
	if (compares)
		wq_cursor_begin(&s->model->registry, &s->cursor);
	else
		wq_cursor_end(&s->cursor);
}

static void end(struct wq_scan *s)
{
	s->running = false;
	set_found_scan(s);
	s->turn_used_ns = 0;
	s->last_cost_ns = s->cost_ns;
	if (s->passed)
		s->last_pass_ns = s->pass_cost_ns;
	s->ended_ns = wq_now_ns();
	plan(s);
}

/* Prefetches the text of KEY, which is further away than KEY, and the next key, while one key
 * is compared. */
static void fetch(const struct wq_key *key)
{
	const struct wq_key *after = key ? TAILQ_NEXT(key, node) : NULL;

	if (!after)
		return;
	__builtin_prefetch(key->state.describe);
	__builtin_prefetch(after);
	__builtin_prefetch(&after->state.digest);
}

static void step_keys(struct wq_scan *s, uint64_t until)
{
	struct wq_key *key;
	unsigned int n = 0;

	while (!s->expiry_stage && (key = wq_cursor_next(&s->cursor))) {
		fetch(s->cursor.next);
		wq_compare_key(s->compare, key);
		if (++n % 4 == 0 && wq_now_ns() >= until)
			break;
	}
}

bool wq_scan_step(struct wq_scan *s, uint64_t since_ns)
{
	uint64_t now = wq_now_ns(), until = since_ns + WQ_SLICE_NS / 2;
	uint64_t began = wq_budget_clock(), passed;
	enum wq_expiry_step more = WQ_EXPIRY_MORE;

	if (until < now + LEAST_NS)
		until = now + LEAST_NS;
	while (s->expiry_stage && more == WQ_EXPIRY_MORE && wq_now_ns() < until) {
		more = wq_expiry_step(s->expiry);
		s->expiry_stage = more != WQ_EXPIRY_END;
	}
	passed = wq_budget_clock();
	s->pass_cost_ns += passed - began;
	step_keys(s, until);
	s->cost_ns += wq_budget_clock() - passed;
	if (s->cursor.next || s->expiry_stage)
		return false;
	end(s);
	return true;
}

/* If the budget asks for a longer interval than wanted, a scan is split into several turns,
 * each within the budget. */
static uint64_t turn_ns(const struct wq_scan *s)
{
	uint64_t max = (uint64_t)s->model->config.pace.poll_max_ms * WQ_NSEC_PER_MSEC;

	return (uint64_t)((double)max * s->model->config.pace.cpu_budget);
}

void wq_scan_rest(struct wq_scan *s, uint64_t began_ns)
{
	bool urgent = !TAILQ_EMPTY(&s->syncs) || wq_model_has_events(s->model);

	s->turn_used_ns += wq_now_ns() - began_ns;
	if (urgent || s->turn_used_ns < turn_ns(s)) {
		wq_timer_set(s->model->loop, &s->timer, 0);
		return;
	}
	s->turn_used_ns = 0;
	wq_timer_set(s->model->loop, &s->timer,
		began_ns + (uint64_t)s->model->config.pace.poll_max_ms * WQ_NSEC_PER_MSEC);
}

/* ---- who waits ---- */

bool wq_scan_want(struct wq_scan *s, struct wq_keys_sync *sync)
{
	uint64_t due = wq_turns_due(&s->turns, sync->uid, wq_now_ns());

	sync->nr = s->nr + 1;
	sync->found = false;
	TAILQ_INSERT_TAIL(&s->syncs, sync, node);
	if (due < s->wanted_ns)
		s->wanted_ns = due;
	if (s->running) {
		wq_timer_set(s->model->loop, &s->timer, 0);
		return false;
	}
	if (sync_due(s) <= wq_now_ns())
		return true;
	plan(s);
	return false;
}

/* Has everything been posted that the scan of SYNC has found? */
static bool is_posted(const struct wq_scan *s, const struct wq_keys_sync *sync)
{
	const struct wq_registry *registry = &s->model->registry;
	const struct wq_key *zombie = TAILQ_FIRST(&registry->zombies); /* sorted by scan */

	return sync->nr <= s->nr - s->running && wq_registry_is_settled(registry, sync->nr) &&
	       wq_losses_are_settled(&s->model->losses, sync->nr) &&
	       (!zombie || zombie->found_scan > sync->nr);
}

struct wq_keys_sync *wq_scan_done(struct wq_scan *s)
{
	/* the scans that they wait for never decrease */
	struct wq_keys_sync *sync = TAILQ_FIRST(&s->syncs);

	if (!sync || (!sync->found && !is_posted(s, sync)))
		return NULL;
	if (!sync->found)
		sync->posts = s->model->outbox.number;
	sync->found = true;
	if (!wq_outbox_has_sent(&s->model->outbox, sync->posts))
		return NULL;
	TAILQ_REMOVE(&s->syncs, sync, node);
	return sync;
}

void wq_scan_init(struct wq_scan *s, struct wq_model *model, struct wq_compare *compare,
	struct wq_expiry_scan *expiry)
{
	s->model = model;
	s->compare = compare;
	s->expiry = expiry;
	s->wanted_ns = UINT64_MAX;
	TAILQ_INIT(&s->syncs);
	set_found_scan(s);
}

void wq_scan_fini(struct wq_scan *s)
{
	wq_timer_clear(s->model->loop, &s->timer);
	wq_cursor_end(&s->cursor);
}
