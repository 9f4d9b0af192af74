/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rounds: every watched key is looked at once, by turns within the CPU budget.
 */
#include <time.h>

#include "container.h"
#include "keys_internal.h"

#define SOON_NS NS_PER_MS /* before a round that a hint asked for */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

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
	keys->proc_stage =
		(thorough || (!keys->trace && wq_keys_proc_due(keys, keys->round_ns))) &&
		wq_keys_proc_begin(keys);
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
		keys->proc_stage = wq_keys_proc_step(keys);
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

	wq_keys_judge_suspects(keys);
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
	wq_keys_proc_fini(keys);
}
