/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys bridge: its parts by value, their timers, and what follows from their results.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "keys/describe.h"
#include "keys/report.h"
#include "keys/watching.h"
#include "keys_bridge.h"
#include "sources/choice.h"

struct wq_keys {
	struct wq_model model;
	struct wq_actors actors;
	struct wq_resolve resolve;
	struct wq_compare compare;
	struct wq_gc_watch gc;
	struct wq_expiry_scan expiry;
	struct wq_scan scan;
	struct wq_feed feed;
	struct wq_watching watching;

	/* Since when a turn of each waits for the sources to be drained; or 0. */
	uint64_t scan_since_ns, deferred_since_ns;
	char source_text[WQ_WHY_NOT_MAX + 80];
};

/* ---- keys that were destroyed ---- */

/* Has all been posted that comes before the REMOVAL of KEY? */
static bool is_last(struct wq_keys *keys, const struct wq_key *key)
{
	return wq_outbox_empty(&keys->model.outbox) &&
	       wq_registry_is_settled(&keys->model.registry, key->found_scan);
}

/* Posts REMOVAL for zombies, for a slice of time, unless an earlier difference is deferred or
 * an earlier record still waits. The rest follows later. */
static void remove_zombies(struct wq_keys *keys)
{
	uint64_t until = wq_now_ns() + WQ_PIECE_NS, next = 0;
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&keys->model.registry.zombies)) && is_last(keys, key)) {
		if (!wq_feed_has_handled(&keys->feed, key->ended_ns))
			next = wq_now_ns() + WQ_PIECE_NS;
		else if (TAILQ_FIRST(&keys->model.registry.zombies) != key ||
			 !is_last(keys, key))
			/* what was handled has removed it, or has posted something */
			continue;
		else if (key->watchers.walks) /* a LOSS on its way holds its watches */
			next = wq_now_ns() + WQ_NSEC_PER_MSEC;
		else if (wq_watching_remove(key, until) && wq_now_ns() < until)
			continue;
		wq_timer_set(keys->model.loop, &keys->model.zombies_timer, next);
		break;
	}
}

/* Finishes what has ended, if nothing of that scan is deferred or waits in the outbox. */
static void settle(struct wq_keys *keys)
{
	struct wq_keys_sync *sync;

	remove_zombies(keys);
	while ((sync = wq_scan_done(&keys->scan))) /* done() may ask for another scan */
		sync->done(sync);
}

static void on_zombies_timer(struct wq_timer *timer)
{
	settle(wq_container_of(timer, struct wq_keys, model.zombies_timer));
}

static void on_gc_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, gc.timer);

	wq_gc_on_timer(&keys->gc);
	settle(keys);
}

static void on_gc_due_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, gc.due_timer);

	wq_gc_on_due_timer(&keys->gc);
	settle(keys);
}

static void on_gc_probation_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, gc.probation_timer);

	wq_gc_on_probation_timer(&keys->gc);
	settle(keys);
}

/* Continues a post that goes to many queues. */
static void on_outbox_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, model.outbox.timer);

	if (!wq_outbox_step(&keys->model.outbox, wq_now_ns() + WQ_PIECE_NS))
		wq_timer_set(keys->model.loop, timer, 0);
	settle(keys);
}

static void on_losses_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, model.losses.timer);

	wq_losses_step(&keys->model.losses);
	settle(keys);
}

/* ---- scans ---- */

static void step_scan(struct wq_keys *keys)
{
	uint64_t now = wq_now_ns();

	if (wq_feed_is_drained(&keys->feed, &keys->scan_since_ns) &&
		!wq_outbox_full(&keys->model.outbox) && wq_scan_step(&keys->scan, now))
		settle(keys);
}

static void begin_scan(struct wq_keys *keys, bool thorough)
{
	bool polled = !wq_model_has_events(&keys->model);

	if (thorough || polled)
		wq_feed_check(&keys->feed);
	if (polled && wq_model_has_events(&keys->model))
		thorough = true; /* the new source does not report earlier changes */
	if (thorough && wq_model_has(&keys->model, WQ_SOURCE_CHANGES) &&
		wq_scan_resync_s(&keys->scan))
		wq_gc_check_all(&keys->gc);
	wq_scan_begin(&keys->scan, thorough);
}

static void on_scan_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, scan.timer);
	uint64_t began = wq_now_ns();

	if (!keys->scan.running)
		begin_scan(keys,
			keys->model.sources.died || wq_scan_is_thorough(&keys->scan, began));
	step_scan(keys);
	if (keys->scan.running)
		wq_scan_rest(&keys->scan, began);
}

/* Everything that was done before the snapshot is handled before the difference is posted. */
static void settle_deferred(struct wq_keys *keys)
{
	wq_compare_begin(&keys->compare);
	while (wq_compare_find(&keys->compare))
		if (wq_feed_drain(&keys->feed))
			wq_compare_settle(&keys->compare);
}

static void on_deferred_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, compare.deferred_timer);
	bool more = true;

	if (wq_feed_is_drained(&keys->feed, &keys->deferred_since_ns)) {
		settle_deferred(keys);
		more = wq_compare_has_more(&keys->compare);
	}
	wq_compare_wait(&keys->compare, more);
	settle(keys);
}

void wq_keys_sync(struct wq_keys *keys, struct wq_keys_sync *sync)
{
	if (!wq_scan_want(&keys->scan, sync))
		return;
	begin_scan(keys, true);
	step_scan(keys);
	if (keys->scan.running)
		wq_timer_set(keys->model.loop, &keys->scan.timer, 0);
}

void wq_keys_sync_cancel(struct wq_keys *keys, struct wq_keys_sync *sync)
{
	TAILQ_REMOVE(&keys->scan.syncs, sync, node);
}

/* ---- life ---- */

static void init(struct wq_keys *keys)
{
	struct wq_model *m = &keys->model;

	wq_registry_init(&m->registry);
	wq_resolve_init(&keys->resolve, m, &keys->actors);
	wq_compare_init(&keys->compare, m);
	wq_gc_init(&keys->gc, m);
	wq_expiry_init(&keys->expiry, m, &keys->gc);
	wq_scan_init(&keys->scan, m, &keys->compare, &keys->expiry);
	wq_feed_init(&keys->feed,
		&(struct wq_follower){m, &keys->compare, &keys->gc, &keys->scan},
		&keys->resolve);
	wq_watching_init(&keys->watching, &keys->feed, &keys->expiry);
	keys->compare.deferred_timer.fire = on_deferred_timer;
	keys->gc.timer.fire = on_gc_timer;
	keys->gc.due_timer.fire = on_gc_due_timer;
	keys->gc.probation_timer.fire = on_gc_probation_timer;
	keys->scan.timer.fire = on_scan_timer;
	keys->model.zombies_timer.fire = on_zombies_timer;
	m->outbox.loop = m->loop;
	m->outbox.timer.fire = on_outbox_timer;
	m->losses.registry = &m->registry;
	m->losses.inferring = &m->inferring;
	m->losses.loop = m->loop;
	m->losses.timer.fire = on_losses_timer;
}

struct wq_keys *wq_keys_new(
	const struct wq_keys_config *config, struct wq_loop *loop, char *why, size_t why_size)
{
	struct wq_keys *keys;
	int r = wq_key_reader_allowed();

	if (r < 0) {
		snprintf(why, why_size,
			"keyctl() fails (%s), as where a container's seccomp filter denies it: "
			"no key could be watched",
			strerror(-r));
		return NULL;
	}
	keys = calloc(1, sizeof(*keys));
	snprintf(why, why_size, "out of memory");
	if (!keys)
		return NULL;
	keys->model.config = *config;
	keys->model.loop = loop;
	init(keys);
	wq_board_init(&keys->model.registry.board);
	keys->model.reader = wq_key_reader_new();
	if (!keys->model.reader || wq_actors_init(&keys->actors, loop) < 0) {
		wq_keys_free(keys);
		return NULL;
	}
	if (!wq_feed_start(&keys->feed) && wq_source_is_required(config->source)) {
		snprintf(why, why_size, "source=%s",
			wq_supervisor_why_not(&keys->model.sources));
		wq_keys_free(keys);
		return NULL;
	}
	return keys;
}

void wq_keys_set_pace(struct wq_keys *keys, const struct wq_keys_pace *pace)
{
	keys->model.config.pace = *pace;
	wq_scan_replan(&keys->scan);
}

void wq_keys_free(struct wq_keys *keys)
{
	struct wq_model *m;

	if (!keys)
		return;
	m = &keys->model;
	wq_feed_fini(&keys->feed);
	wq_outbox_fini(&m->outbox);
	wq_losses_fini(&m->losses);
	wq_timeouts_fini(&m->timeouts);
	wq_timer_clear(m->loop, &keys->model.zombies_timer);
	wq_scan_fini(&keys->scan);
	wq_expiry_fini(&keys->expiry);
	wq_gc_fini(&keys->gc);
	wq_compare_fini(&keys->compare);
	wq_actors_fini(&keys->actors);
	wq_inflight_forget_all(&m->inflight);
	wq_board_fini(&m->registry.board);
	wq_registry_fini(&m->registry);
	wq_key_state_fini(&m->scratch);
	wq_key_reader_free(m->reader);
	free(keys);
}

int wq_keys_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller)
{
	return wq_watching_set(&keys->watching, queue, serial, watch_id, caller);
}

bool wq_keys_are_starting(const struct wq_keys *keys)
{
	return wq_feed_is_starting(&keys->feed);
}

bool wq_keys_drain_sources(struct wq_keys *keys, uid_t uid)
{
	return wq_feed_drain_for(&keys->feed, uid);
}

bool wq_keys_has_posted(struct wq_keys *keys, uint64_t at_ns)
{
	return wq_feed_has_handled(&keys->feed, at_ns);
}

int wq_keys_report(struct wq_keys *keys, const struct wqfs_key_report *report,
	const struct wq_caller *caller)
{
	return wq_report(&keys->feed, report, caller);
}

int wq_keys_board(const struct wq_keys *keys, struct wqfs_board_place *place)
{
	return wq_board_place(&keys->model.registry.board, place);
}

void wq_keys_end_board(struct wq_keys *keys)
{
	if (keys)
		wq_board_end(&keys->model.registry.board);
}

void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s)
{
	const struct wq_source *source = keys->model.sources.source;

	s->source = source ? source->type->number : WQFS_SOURCE_POLL;
	s->scans = keys->scan.nr - keys->scan.running;
	s->interval_us = keys->scan.interval_ns / 1000u > UINT32_MAX
				 ? UINT32_MAX
				 : (uint32_t)(keys->scan.interval_ns / 1000u);
}

const char *wq_keys_source_text(struct wq_keys *keys)
{
	wq_describe_source(&keys->scan, keys->source_text, sizeof(keys->source_text));
	return keys->source_text;
}
