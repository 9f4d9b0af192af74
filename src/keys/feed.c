/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/container.h"
#include "base/log.h"
#include "keys/feed.h"
#include "keys/post.h"
#include "sources/choice.h"

/* The longest time that a step waits for the sources to be drained. */
#define DRAIN_WAIT_NS (WQ_NSEC_PER_SEC / 10)

/* The longest time that a watch waits for a source that is not required. */
#define START_WAIT_NS (5 * WQ_NSEC_PER_SEC)

/* For events, at one time. They may be drained for a request and, in the same turn, because a
 * source has more. */
#define WORK_NS (WQ_SLICE_NS / 2)

#define BACK "the %s is back" /* those who saw the warning of its death must see this */

/* Says on the board which reports wq_report() wants. While keys are polled it needs none of
 * unwatched keys but the ends of their lives; the trace needs to know whose session is whose.
 */
static void say_wanted(struct wq_feed *f)
{
	enum wqfs_wanted wanted = WQFS_WANTED_WATCHED;

	if (wq_model_has(f->model, WQ_SOURCE_CHANGES))
		wanted = WQFS_WANTED_NONE;
	else if (wq_model_has(f->model, WQ_SOURCE_OPERATIONS))
		wanted = WQFS_WANTED_ALL;
	wq_board_want(&f->model->registry.board, wanted);
}

/* ---- what sources report ---- */

static void on_began(struct wq_feed *f, const struct wq_operation *op)
{
	wq_resolve_begin(f->resolve, op);
	wq_inflight_begin(
		&f->model->inflight, op, wq_model_has(f->model, WQ_SOURCE_OPERATIONS));
}

static void on_ended(struct wq_feed *f, struct wq_operation *op)
{
	struct wq_statement t = {.model = f->model, .op = op};

	wq_resolve(f->resolve, op, &t.meaning);
	wq_gc_expedite(f->follower.gc);
	wq_follow_ended(&f->follower, &t);
}

/* After a loss nothing that was learned from the order of events is certain. */
static void forget_events(struct wq_feed *f)
{
	wq_inflight_forget_all(&f->model->inflight);
	wq_actors_forget(f->actors);
	wq_serials_forget(&f->model->serials);
}

static void on_lost(struct wq_feed *f)
{
	const bool is_exact = wq_model_has(f->model, WQ_SOURCE_CHANGES);

	wq_log(WQ_LOG_WARNING, "the %s %s: LOSS, and %s",
		wq_supervisor_name(&f->model->sources), f->model->events.why_lost,
		is_exact ? "a check that each key still exists" : "a scan of all keys");
	wq_losses_post_all(&f->model->losses);
	if (is_exact) {
		wq_gc_check_all(f->follower.gc);
		return;
	}
	forget_events(f);
	wq_actors_lost(f->actors);
	wq_scan_resync(f->follower.scan);
}

/* The events that were lost may include the end of the key. */
static void on_key_lost(struct wq_feed *f, const struct wq_key_lost *lost)
{
	struct wq_key *key = wq_registry_find(&f->model->registry, lost->serial);

	if (!key || lost->at_ns < key->since_ns)
		return;
	wq_post_key_loss(key);
	wq_gc_check_all(f->follower.gc);
}

static void handle(struct wq_feed *f, struct wq_event *event)
{
	switch (event->kind) {
	case WQ_EVENT_BEGIN:
		on_began(f, &event->operation);
		break;
	case WQ_EVENT_END:
		on_ended(f, &event->operation);
		break;
	case WQ_EVENT_FORK:
		wq_inflight_forked(&f->model->inflight, event->fork.child, event->fork.at_ns);
		wq_actors_forked(
			f->actors, event->fork.parent, event->fork.child, event->fork.at_ns);
		break;
	case WQ_EVENT_IDS:
		wq_actors_ids_changed(
			f->actors, event->ids.tid, event->ids.change, event->ids.arg);
		break;
	case WQ_EVENT_CHANGE:
		wq_follow_change(&f->follower, &event->change);
		break;
	case WQ_EVENT_DESTROYED:
		wq_apply_destroyed(f->model, &event->destroyed);
		break;
	case WQ_EVENT_KEY_LOST:
		on_key_lost(f, &event->key_lost);
		break;
	case WQ_EVENT_LOST:
		on_lost(f);
		break;
	}
}

static bool is_pressing(const struct wq_feed *f)
{
	const struct wq_keys_config *config = &f->model->config;

	return config->is_pressing && config->is_pressing(config->is_pressing_arg);
}

/* Handles complete events until END_NS, or until a reader is to be served. One event may take a
 * while, because finding out who did it takes time. A record for thousands of queues goes to
 * all of them before the next event. */
static void handle_all(struct wq_feed *f, uint64_t end_ns)
{
	struct wq_event event;

	while (wq_outbox_step(&f->model->outbox, end_ns) &&
		wq_event_order_take(&f->model->events, &event)) {
		handle(f, &event);
		if (is_pressing(f) || wq_now_ns() >= end_ns)
			break;
	}
}

/* Have all events before NOW_NS been handled? */
static bool is_drained(const struct wq_feed *f, uint64_t now_ns)
{
	return wq_outbox_empty(&f->model->outbox) &&
	       !wq_event_order_behind(&f->model->events) && !f->model->events.lost &&
	       f->model->events.complete_ns >= now_ns;
}

/* Handles all events before this call, or as many as ALLOWED_NS are enough for; the rest
 * follows by itself, between requests. True: it was all of them. */
static bool drain_sources(struct wq_feed *f, uint64_t allowed_ns)
{
	uint64_t now = wq_now_ns(), end = now + allowed_ns;
	struct wq_source *source = f->model->sources.source;
	int r;

	/* An event's handler asks for more: these events are being handled. */
	if (f->draining)
		return true;
	if (!wq_outbox_step(&f->model->outbox, end)) {
		wq_timer_set(f->model->loop, &f->drain_timer, 0);
		return false;
	}
	f->draining = true;
	do {
		r = source->type->drain(source);
		if (r == 0)
			handle_all(f, end);
	} while (r == 0 && !is_drained(f, now) && !is_pressing(f) && wq_now_ns() < end);
	f->draining = false;
	if (r < 0) {
		wq_supervisor_died(&f->model->sources, strerror(-r));
		wq_scan_resync(f->follower.scan);
		return true;
	}
	/* events that were read and not handled will not wake us again; forks can wait */
	if (!is_drained(f, now) || f->model->events.waiting)
		wq_timer_set(f->model->loop, &f->drain_timer, 0);
	return is_drained(f, now);
}

static void on_ready(void *arg)
{
	struct wq_feed *f = arg;

	if (f->model->sources.source && !f->model->sources.died)
		drain_sources(f, WORK_NS);
}

static void on_drain_timer(struct wq_timer *timer)
{
	on_ready(wq_container_of(timer, struct wq_feed, drain_timer));
}

static bool has_source(const struct wq_feed *f)
{
	return f->model->sources.source && !f->model->sources.died;
}

/* Nobody pays if all events could be handled, because that had to be done anyway. If not,
 * others wait while the rest is handled, and for that UID pays. */
bool wq_feed_drain_for(struct wq_feed *f, uid_t uid)
{
	if (!has_source(f))
		return true;
	/* Nothing can be handled before a record for thousands of queues has gone to all of
	 * them. */
	if (!wq_outbox_empty(&f->model->outbox))
		return false;
	if (!wq_shares_left(&f->drain_shares, uid, wq_now_ns()))
		return false;
	if (drain_sources(f, WORK_NS))
		return true;
	wq_shares_spend(&f->drain_shares, uid, WORK_NS);
	return false;
}

bool wq_feed_drain(struct wq_feed *f)
{
	if (!has_source(f))
		return true;
	if (wq_now_ns() < f->next_drain_ns) /* give others a turn */
		return false;
	if (drain_sources(f, WQ_PIECE_NS))
		return true;
	f->next_drain_ns = wq_now_ns() + WQ_SLICE_NS;
	return false;
}

/* What waits in the outbox belongs to the event that was taken out last: others are taken out
 * when it is empty. */
static bool has_handled(const struct wq_feed *f, uint64_t at_ns)
{
	const struct wq_event_order *events = &f->model->events;

	return !has_source(f) ||
	       (wq_event_order_past(events, at_ns) &&
		       (wq_outbox_empty(&f->model->outbox) || events->taken_ns >= at_ns));
}

bool wq_feed_has_handled(struct wq_feed *f, uint64_t at_ns)
{
	return has_handled(f, at_ns) || wq_feed_drain(f) || has_handled(f, at_ns);
}

bool wq_feed_is_drained(struct wq_feed *f, uint64_t *since_ns)
{
	bool drained = wq_feed_drain(f);

	if (!drained && !*since_ns)
		*since_ns = wq_now_ns();
	if (!drained && wq_now_ns() - *since_ns < DRAIN_WAIT_NS)
		return false;
	*since_ns = 0;
	return true;
}

/* ---- which source ---- */

static void on_forks_lost(void *arg)
{
	struct wq_feed *f = arg;

	wq_actors_forget(f->actors);
	wq_actors_lost(f->actors);
}

static void on_ids_lost(void *arg)
{
	wq_actors_ids_lost(((struct wq_feed *)arg)->actors);
}

static bool on_occasion(void *arg, enum wq_source_occasion occasion)
{
	struct wq_feed *f = arg;

	if (occasion == WQ_OCCASION_EXIT)
		wq_gc_schedule(f->follower.gc);
	else
		wq_scan_soon(f->follower.scan);
	return !TAILQ_EMPTY(&f->model->registry.all);
}

/* A source has started that must know which keys are watched: tells it those that a piece of
 * time is enough for. Keys that are watched meanwhile follow at the end, also if all that were
 * left are not watched any more. */
static int on_begun(void *arg, struct wq_source *source)
{
	struct wq_feed *f = arg;
	uint64_t until = wq_now_ns() + WQ_PIECE_NS;
	struct wq_key *key;
	int r = 0;

	if (!f->is_telling)
		wq_cursor_begin_and_stay(&f->model->registry, &f->told);
	f->is_telling = true;
	while (r == 0 && (key = wq_cursor_next(&f->told))) {
		r = source->type->watch(source, key->serial);
		if (r == 0 && f->told.next && wq_now_ns() >= until)
			return -EAGAIN;
	}
	wq_cursor_end(&f->told);
	f->is_telling = false;
	return r;
}

/* A source has started, which does not report earlier events. */
static void on_source_started(struct wq_feed *f)
{
	if (!wq_model_has(f->model, WQ_SOURCE_IDENTITY))
		wq_actors_begin(f->actors);
	if (wq_model_has(f->model, WQ_SOURCE_CHANGES)) {
		forget_events(f);
		wq_compare_stop(f->follower.compare);
	}
	if (wq_model_has(f->model, WQ_SOURCE_ENDS))
		wq_gc_check_all(f->follower.gc);
	if (!TAILQ_EMPTY(&f->model->registry.all))
		wq_supervisor_ask_occasions(&f->model->sources);
	wq_gc_start(f->follower.gc);
}

static void on_source_stopped(void *arg)
{
	struct wq_feed *f = arg;

	wq_timer_clear(f->model->loop, &f->drain_timer);
	wq_actors_end(f->actors);
	forget_events(f);
}

/* Says what follows after the source WAS has died. */
static void say_successor(struct wq_feed *f, const char *was)
{
	struct wq_supervisor *sources = &f->model->sources;
	const char *now = wq_supervisor_name(sources);

	if (sources->source)
		wq_log(WQ_LOG_WARNING, "the %s has died: LOSS, and %s%s", was,
			strcmp(now, was) != 0 ? "now the " : "another one",
			strcmp(now, was) != 0 ? now : "");
	else
		wq_log(WQ_LOG_WARNING, "the %s has died: LOSS, and polling: %s", was,
			wq_supervisor_why_not(sources));
}

bool wq_feed_check(struct wq_feed *f)
{
	struct wq_supervisor *sources = &f->model->sources;
	const char *was = wq_supervisor_name(sources);

	switch (wq_supervisor_check(sources, wq_now_ns(), on_source_stopped)) {
	case WQ_SUPERVISOR_SAME:
		return false;
	case WQ_SUPERVISOR_BACK:
		on_source_started(f);
		wq_log(WQ_LOG_WARNING, BACK, wq_supervisor_name(sources));
		say_wanted(f);
		if (!wq_model_has(f->model, WQ_SOURCE_CHANGES))
			return true; /* a scan finds what was done meanwhile */
		break;
	case WQ_SUPERVISOR_REPLACED:
		on_source_started(f);
		say_successor(f, was);
		break;
	case WQ_SUPERVISOR_NONE:
		say_successor(f, was);
		break;
	case WQ_SUPERVISOR_DIED:
		f->died = was;
		f->began_ns = wq_now_ns();
		break;
	}
	say_wanted(f);
	wq_losses_post_all(&f->model->losses);
	return true;
}

/* Keys may be watched already, and were polled until now. A scan finds what was done to them
 * meanwhile; but a source that reports changes takes no scans. */
static void source_begins(struct wq_feed *f)
{
	on_source_started(f);
	if (wq_model_has(f->model, WQ_SOURCE_CHANGES))
		wq_losses_post_all(&f->model->losses);
	else if (!TAILQ_EMPTY(&f->model->registry.all))
		wq_scan_resync(f->follower.scan);
}

/* The first source, a successor of one that died, or one that is tried again. */
static void on_decided(void *arg)
{
	struct wq_feed *f = arg;
	const struct wq_keys_config *config = &f->model->config;
	const bool works = f->model->sources.source != NULL;

	say_wanted(f);
	if (works)
		source_begins(f);
	if (f->died)
		say_successor(f, f->died);
	else if (works && f->has_decided)
		wq_log(WQ_LOG_WARNING, BACK, wq_supervisor_name(&f->model->sources));
	if (works || f->died || !f->has_decided)
		config->decided(config->decided_arg,
			works ? NULL : wq_supervisor_why_not(&f->model->sources));
	f->died = NULL;
	f->has_decided = true;
}

static void on_may_watch(void *arg)
{
	const struct wq_keys_config *config = &((struct wq_feed *)arg)->model->config;

	if (config->may_watch)
		config->may_watch(config->decided_arg);
}

void wq_feed_init(
	struct wq_feed *f, const struct wq_follower *follower, struct wq_resolve *resolve)
{
	struct wq_model *m = follower->model;
	const struct wq_source_env env = {
		.loop = m->loop,
		.events = &m->events,
		.renewals = &resolve->actors->tasks.renewals,
		.buffer_kb = m->config.buffer_kb,
		.sink =
			{
				.arg = f,
				.begun = on_begun,
				.decided = m->config.decided ? on_decided : NULL,
				.ready = on_ready,
				.may_watch = on_may_watch,
				.forks_lost = on_forks_lost,
				.ids_lost = on_ids_lost,
				.occasion = on_occasion,
			},
	};

	f->follower = *follower;
	f->model = m;
	f->resolve = resolve;
	f->actors = resolve->actors;
	f->drain_timer.fire = on_drain_timer;
	wq_supervisor_init(&m->sources, wq_source_choose(m->config.source), &env);
}

bool wq_feed_start(struct wq_feed *f)
{
	struct wq_supervisor *sources = &f->model->sources;

	f->began_ns = wq_now_ns();
	say_wanted(f);
	if (wq_supervisor_begin(sources))
		return true;
	say_wanted(f);
	f->has_decided = true;
	if (sources->source)
		on_source_started(f);
	return sources->source != NULL;
}

bool wq_feed_is_starting(const struct wq_feed *f)
{
	return wq_supervisor_starting(&f->model->sources) &&
	       (wq_source_is_required(f->model->config.source) ||
		       wq_now_ns() - f->began_ns < START_WAIT_NS);
}

void wq_feed_fini(struct wq_feed *f)
{
	wq_supervisor_stop(&f->model->sources);
	wq_cursor_end(&f->told);
	on_source_stopped(f);
}
