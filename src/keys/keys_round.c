/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rounds: every watched key is looked at once, by turns within the CPU budget.
 */
#include <time.h>

#include "base/container.h"
#include "keys/keys_internal.h"

#define SOON_NS	   NS_PER_MS /* before a round that a hint asked for */
#define SYNC_SHARE 0.25	     /* of a core may go into rounds that syncs ask for */

/* Is nothing held back any more that was found by the end of ROUND? Suspects are in the order
 * of their rounds. */
static bool settled(const struct wq_keys *keys, uint64_t round)
{
	const struct wq_key *first = TAILQ_FIRST(&keys->suspects);

	return !first || first->found_round > round;
}

void wq_keys_tell_gone(struct wq_keys *keys)
{
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&keys->gone)) && settled(keys, key->found_round))
		wq_keys_remove(key);
}

/* Does a sync wait for a round that has not begun? */
static bool round_wanted(const struct wq_keys *keys)
{
	const struct wq_keys_sync *last = TAILQ_LAST(&keys->syncs, sync_list);

	return last && last->round > keys->round;
}

/* When a sync, or what was lost, may have its round: one after the other takes a share of the
 * CPU. */
static uint64_t sync_due(const struct wq_keys *keys)
{
	return keys->ended_ns +
	       (uint64_t)((double)(keys->last_cost_ns + keys->last_pass_ns) / SYNC_SHARE);
}

/* The time that what has cost COST_NS may come again after. */
static uint64_t in_budget(const struct wq_keys *keys, uint64_t cost_ns)
{
	return (uint64_t)((double)cost_ns / keys->config.cpu_budget);
}

/* The end of the pause that a round of the last one's cost asks for. */
static uint64_t after_pause(const struct wq_keys *keys)
{
	uint64_t pause = in_budget(keys, keys->last_cost_ns);

	return keys->round_ns + (pause > SOON_NS ? pause : SOON_NS);
}

void wq_keys_plan(struct wq_keys *keys)
{
	uint64_t min = (uint64_t)keys->config.poll_min_ms * NS_PER_MS;
	uint64_t due;

	if (TAILQ_EMPTY(&keys->all) && TAILQ_EMPTY(&keys->gone) && !round_wanted(keys)) {
		wq_timer_clear(keys->loop, &keys->timer);
		return;
	}
	if (keys->trace) {
		keys->interval_ns = keys->config.resync_s * (uint64_t)NS_PER_S;
		due = keys->resync_ns ? keys->resync_ns + keys->interval_ns : sync_due(keys);
		if (keys->soon && after_pause(keys) < due)
			due = after_pause(keys);
	} else {
		keys->interval_ns = in_budget(keys, keys->last_cost_ns);
		if (keys->interval_ns < min)
			keys->interval_ns = min;
		due = keys->round_ns + keys->interval_ns;
		/* paid for before it is made, so that it is no peak */
		if (wq_keys_proc_due(keys, due))
			due += in_budget(keys, keys->last_pass_ns);
	}
	if (round_wanted(keys) && sync_due(keys) < due)
		due = sync_due(keys);
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
		wq_timer_set(keys->loop, &keys->timer, sync_due(keys));
}

static void begin_round(struct wq_keys *keys, bool thorough)
{
	bool polled = !keys->trace;

	if (thorough || polled)
		wq_keys_check_trace(keys);
	if (polled && keys->trace)
		thorough = true; /* it tells nothing of what was done until now */
	keys->running = true;
	keys->soon = false;
	keys->round++;
	keys->round_ns = wq_now_ns();
	if (thorough)
		keys->resync_ns = keys->round_ns;
	keys->cost_ns = keys->pass_cost_ns = 0;
	keys->proc_stage =
		(thorough || (!keys->trace && wq_keys_proc_due(keys, keys->round_ns))) &&
		wq_keys_proc_begin(keys);
	keys->passed = keys->proc_stage;
	keys->next = TAILQ_FIRST(&keys->all);
}

/* The last round that has ended. */
static uint64_t ended_round(const struct wq_keys *keys)
{
	return keys->round - keys->running;
}

/* Tells what has come to an end, and nothing of that round is held back. */
static void settle(struct wq_keys *keys)
{
	struct wq_keys_sync *sync;

	wq_keys_tell_gone(keys);
	/* their rounds never decrease; done() may begin another */
	while ((sync = TAILQ_FIRST(&keys->syncs)) && sync->round <= ended_round(keys) &&
		settled(keys, sync->round)) {
		TAILQ_REMOVE(&keys->syncs, sync, node);
		sync->done(sync);
	}
}

static void end_round(struct wq_keys *keys)
{
	keys->running = false;
	keys->turn_used_ns = 0;
	keys->last_cost_ns = keys->cost_ns;
	if (keys->passed)
		keys->last_pass_ns = keys->pass_cost_ns;
	keys->ended_ns = wq_now_ns();
	wq_keys_plan(keys);
	settle(keys);
}

/* While one key is asked for the next ones come from memory: KEY's text, which is further away
 * than KEY, and the one after it. */
static void fetch(const struct wq_key *key)
{
	const struct wq_key *after = key ? TAILQ_NEXT(key, node) : NULL;

	if (!after)
		return;
	__builtin_prefetch(key->state.describe);
	__builtin_prefetch(after);
	__builtin_prefetch(&after->state.digest);
}

/* Goes on with the round until it ends or ALLOWED_NS are used up. */
static void step_round(struct wq_keys *keys, uint64_t allowed_ns)
{
	uint64_t until = wq_now_ns() + allowed_ns, began = wq_budget_clock(), passed;
	enum wq_proc_step more = WQ_PROC_MORE;
	unsigned int n = 0;

	if (!wq_keys_caught_up(keys, &keys->step_since_ns))
		return;
	while (keys->proc_stage && more == WQ_PROC_MORE && wq_now_ns() < until) {
		more = wq_keys_proc_step(keys);
		keys->proc_stage = more != WQ_PROC_END;
	}
	passed = wq_budget_clock();
	keys->pass_cost_ns += passed - began;
	while (keys->next && !keys->proc_stage) {
		struct wq_key *key = keys->next;

		keys->next = TAILQ_NEXT(key, node);
		fetch(keys->next);
		wq_keys_look_at(key);
		if (++n % 8 == 0 && wq_now_ns() >= until)
			break;
	}
	keys->cost_ns += wq_budget_clock() - passed;
	if (!keys->next && !keys->proc_stage)
		end_round(keys);
}

static void on_suspect_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, suspect_timer);

	wq_keys_judge_suspects(keys);
	settle(keys);
}

/* A sync wants a round that begins after it. */
void wq_keys_sync(struct wq_keys *keys, struct wq_keys_sync *sync)
{
	sync->round = keys->round + 1;
	TAILQ_INSERT_TAIL(&keys->syncs, sync, node);
	if (!keys->running && sync_due(keys) > wq_now_ns()) {
		wq_keys_plan(keys);
		return;
	}
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
		begin_round(keys, round_wanted(keys) || resync || keys->trace_died);
	step_round(keys, SLICE_NS);
	if (!keys->running)
		return;
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
	keys->timer.fire = on_timer;
	keys->suspect_timer.fire = on_suspect_timer;
}

void wq_keys_round_fini(struct wq_keys *keys)
{
	wq_timer_clear(keys->loop, &keys->timer);
	wq_timer_clear(keys->loop, &keys->suspect_timer);
	wq_keys_proc_fini(keys);
}
