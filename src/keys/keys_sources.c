/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sources of the bridge: their life, what they tell, and what their loss means. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/log.h"
#include "keys/keys_internal.h"
#include "sources/syscalls.h"

/* What must know all that was done before waits so long at most. */
#define CATCH_UP_NS (NS_PER_S / 10)

static void on_ended(struct wq_keys *keys, struct wq_operation *h)
{
	wq_keys_explain(keys, wq_keys_find_inflight(keys, h->tid), h);
	wq_keys_ask_ends(keys);
	wq_keys_interpret(keys, h, NULL);
}

static void on_forks_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_sessions_forget(keys->sessions);
	wq_task_renewals_lost(&keys->tasks);
}

static void on_renewed(void *arg, pid_t tid, uint64_t at_ns, bool is_exec)
{
	struct wq_keys *keys = arg;

	wq_task_renewed(&keys->tasks, tid, at_ns, is_exec);
}

static bool on_occasion(void *arg, enum wq_source_occasion occasion)
{
	struct wq_keys *keys = arg;

	if (occasion == WQ_OCCASION_EXIT)
		wq_keys_may_end(keys);
	else
		wq_keys_look_soon(keys);
	return !TAILQ_EMPTY(&keys->all);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (struct wq_queue *const *)a;
	uintptr_t y = (uintptr_t) * (struct wq_queue *const *)b;

	return (x > y) - (x < y);
}

/* The queues that LOSS is for: each once, if there is memory. */
struct losers {
	struct wq_queue **queues;
	size_t n, cap;
};

static void add_watchers(struct losers *l, const struct wq_key *key)
{
	const struct wq_watch *w;

	LIST_FOREACH (w, &key->watchers.watchers, list_node) {
		if (l->n == l->cap) {
			size_t more = l->cap ? l->cap * 2 : 64;
			struct wq_queue **p = reallocarray(l->queues, more, sizeof(*p));

			if (!p) { /* better twice than not */
				wq_queue_note_loss(w->queue);
				continue;
			}
			l->queues = p;
			l->cap = more;
		}
		l->queues[l->n++] = w->queue;
	}
}

static void add_all_watchers(struct losers *l, const struct key_list *list)
{
	const struct wq_key *key;

	TAILQ_FOREACH (key, list, node)
		add_watchers(l, key);
}

static void add_rings_watchers(struct losers *l, const struct wq_keys *keys,
	bool (*of)(const struct wq_key *key, const void *arg), const void *arg)
{
	const struct wq_key *key;

	for (unsigned int kind = 0; kind < WQ_RING_KINDS; kind++)
		TAILQ_FOREACH (key, &keys->rings.of[kind], ring_node)
			if (of(key, arg))
				add_watchers(l, key);
	TAILQ_FOREACH (key, &keys->gone, node)
		if (of(key, arg))
			add_watchers(l, key);
}

void wq_keys_tell_loss(struct wq_keys *keys,
	bool (*of)(const struct wq_key *key, const void *arg), const void *arg)
{
	struct losers l = {0};

	/* those whose end is still to be told may have missed what came before it, too */
	if (of) {
		add_rings_watchers(&l, keys, of, arg);
	} else {
		add_all_watchers(&l, &keys->all);
		add_all_watchers(&l, &keys->gone);
	}
	if (l.n)
		qsort(l.queues, l.n, sizeof(*l.queues), by_address);
	for (size_t i = 0; i < l.n; i++)
		if (i == 0 || l.queues[i] != l.queues[i - 1])
			wq_queue_note_loss(l.queues[i]);
	free(l.queues);
}

static void on_lost(struct wq_keys *keys)
{
	wq_log(WQ_LOG_WARNING, "the trace buffer overflowed: LOSS, and a look at every key");
	wq_keys_forget_all_inflight(keys);
	wq_sessions_forget(keys->sessions);  /* a join may have been among them */
	wq_task_renewals_lost(&keys->tasks); /* and who executed what */
	wq_serials_forget(&keys->serials);
	wq_keys_tell_loss(keys, NULL, NULL);
	wq_keys_resync(keys);
}

/* ---- draining ---- */

static void handle(struct wq_keys *keys, struct wq_event *event)
{
	switch (event->kind) {
	case WQ_EVENT_BEGIN:
		wq_keys_interpret(keys, &event->operation, NULL);
		break;
	case WQ_EVENT_END:
		on_ended(keys, &event->operation);
		break;
	case WQ_EVENT_FORK:
		wq_keys_forked(keys, event->fork.parent, event->fork.child);
		break;
	case WQ_EVENT_CHANGE:
		wq_keys_apply(keys, &event->change);
		break;
	case WQ_EVENT_LOST:
		on_lost(keys);
		break;
	}
}

/* Handles the events that are complete, until END_NS: one may take a while, as who did it is
 * asked. */
static void handle_all(struct wq_keys *keys, uint64_t end_ns)
{
	struct wq_event event;

	while (wq_event_order_take(&keys->events, &event)) {
		handle(keys, &event);
		if (wq_now_ns() >= end_ns)
			break;
	}
}

/* Has all been handled that was done before NOW_NS? */
static bool is_drained(const struct wq_keys *keys, uint64_t now_ns)
{
	return !wq_event_order_behind(&keys->events) && !keys->events.lost &&
	       keys->events.complete_ns >= now_ns;
}

/* Handles what was done before this call, or as much of it as SLICE_NS are enough for: the rest
 * follows by itself, between requests. True: it was all of it. */
static bool drain_sources(struct wq_keys *keys)
{
	uint64_t now = wq_now_ns(), end = now + SLICE_NS;
	struct wq_source *source = keys->sources.source;
	int r;

	if (keys->draining) /* who handles an event asks for more: it is coming */
		return true;
	keys->draining = true;
	do {
		r = source->type->drain(source);
		if (r == 0)
			handle_all(keys, end);
	} while (r == 0 && !is_drained(keys, now) && wq_now_ns() < end);
	keys->draining = false;
	if (r < 0) {
		wq_supervisor_died(&keys->sources, strerror(-r));
		wq_keys_resync(keys);
		return true;
	}
	/* what was read and not handled will not wake us again; forks can wait */
	if (!is_drained(keys, now) || keys->events.waiting)
		wq_timer_set(keys->loop, &keys->drain_timer, 0);
	return is_drained(keys, now);
}

static void on_ready(void *arg)
{
	struct wq_keys *keys = arg;

	if (keys->sources.source && !keys->sources.died)
		drain_sources(keys);
}

static void on_drain_timer(struct wq_timer *timer)
{
	on_ready(wq_container_of(timer, struct wq_keys, drain_timer));
}

bool wq_keys_catch_up(struct wq_keys *keys)
{
	if (!keys->sources.source || keys->sources.died)
		return true;
	if (wq_now_ns() < keys->catch_up_ns) /* others have their turn */
		return false;
	if (drain_sources(keys))
		return true;
	keys->catch_up_ns = wq_now_ns() + SLICE_NS;
	return false;
}

bool wq_keys_caught_up(struct wq_keys *keys, uint64_t *since_ns)
{
	bool caught_up = wq_keys_catch_up(keys);

	if (!caught_up && !*since_ns)
		*since_ns = wq_now_ns();
	if (!caught_up && wq_now_ns() - *since_ns < CATCH_UP_NS)
		return false;
	*since_ns = 0;
	return true;
}

/* ---- life ---- */

static const struct wq_source_type *const all_sources[] = {&wq_source_syscalls, NULL};
static const struct wq_source_type *const no_sources[] = {NULL};

int wq_keys_sources_init(struct wq_keys *keys)
{
	const struct wq_source_env env = {
		.loop = keys->loop,
		.events = &keys->events,
		.buffer_kb = keys->config.buffer_kb,
		.sink = {
			.arg = keys,
			.ready = on_ready,
			.renewed = on_renewed,
			.forks_lost = on_forks_lost,
			.occasion = on_occasion,
		},
	};
	bool poll = keys->config.source == WQ_KEYS_POLL;

	keys->drain_timer.fire = on_drain_timer;
	wq_supervisor_init(&keys->sources, poll ? no_sources : all_sources, &env);
	if (poll)
		return 0;
	keys->sessions = wq_sessions_new();
	return keys->sessions ? 0 : -ENOMEM;
}

/* A source has begun, which tells nothing of what was done before. */
static void on_started(struct wq_keys *keys)
{
	if (!TAILQ_EMPTY(&keys->all))
		wq_supervisor_tell_occasions(&keys->sources);
	wq_keys_await_ends(keys);
}

bool wq_keys_start_source(struct wq_keys *keys)
{
	if (!wq_supervisor_start(&keys->sources))
		return false;
	on_started(keys);
	return true;
}

/* What the source had told of threads and of operations under way is worth nothing now. */
static void on_stopped(void *arg)
{
	struct wq_keys *keys = arg;

	wq_timer_clear(keys->loop, &keys->drain_timer);
	if (keys->sessions)
		wq_sessions_forget(keys->sessions);
	wq_task_renewals_lost(&keys->tasks);
	wq_keys_forget_all_inflight(keys);
}

void wq_keys_sources_fini(struct wq_keys *keys)
{
	wq_supervisor_stop(&keys->sources);
	on_stopped(keys);
	wq_sessions_free(keys->sessions);
	keys->sessions = NULL;
}

void wq_keys_check_source(struct wq_keys *keys)
{
	switch (wq_supervisor_check(&keys->sources, wq_now_ns(), on_stopped)) {
	case WQ_SUPERVISOR_SAME:
		break;
	case WQ_SUPERVISOR_BACK:
		on_started(keys);
		/* to be seen by whoever saw the warning of its death */
		wq_log(WQ_LOG_WARNING, "the trace is back");
		break;
	case WQ_SUPERVISOR_REPLACED:
		on_started(keys);
		wq_log(WQ_LOG_WARNING, "the trace has died: LOSS, and another one");
		wq_keys_tell_loss(keys, NULL, NULL);
		break;
	case WQ_SUPERVISOR_NONE:
		wq_log(WQ_LOG_WARNING, "the trace has died: LOSS, and polling: %s",
			wq_supervisor_why_not(&keys->sources));
		wq_keys_tell_loss(keys, NULL, NULL);
		break;
	}
}
