/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace as the bridge's source: its life, and what its loss means. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "keys/keys_internal.h"

/* From one attempt to have a trace again to the next: each twice as long as the last one. */
#define RETRY_FIRST_NS NS_PER_S
#define RETRY_LAST_NS  (60ull * NS_PER_S)

/* What must know all that was done before waits so long at most. */
#define CATCH_UP_NS (NS_PER_S / 10)

static void on_hint(void *arg, const struct wq_hint *h)
{
	struct wq_keys *keys = arg;
	struct wq_hint explained = *h;

	if (h->end_ns) {
		wq_keys_explain(keys, wq_keys_find_inflight(keys, h->tid), &explained);
		wq_keys_ask_ends(keys);
	}
	wq_keys_take_hint(keys, &explained, NULL);
}

static void on_forked(void *arg, pid_t parent, pid_t child, uint64_t at_ns)
{
	wq_keys_forked(arg, parent, child, at_ns);
}

static void on_ids_changed(void *arg, pid_t tid, enum wq_ids_change change,
	const uid_t ids[WQ_IDS_ARGS], uint64_t at_ns)
{
	wq_keys_ids_changed(arg, tid, change, ids);
}

static void on_ids_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_sessions_ids_lost(keys->sessions);
	wq_keys_actors_lost(keys);
}

static void on_forks_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_sessions_forget(keys->sessions);
	wq_keys_actors_lost(keys);
	wq_task_renewals_lost(&keys->tasks);
}

static void on_renewed(void *arg, pid_t tid, uint64_t at_ns, bool is_exec)
{
	struct wq_keys *keys = arg;

	wq_task_renewed(&keys->tasks, tid, at_ns, is_exec);
}

static bool on_exited(void *arg)
{
	struct wq_keys *keys = arg;

	wq_keys_may_end(keys);
	return !TAILQ_EMPTY(&keys->all);
}

static bool on_unseen(void *arg)
{
	struct wq_keys *keys = arg;

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

static void on_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_log(WQ_LOG_WARNING, "the trace buffer overflowed: LOSS, and a look at every key");
	wq_keys_forget_all_inflight(keys);
	wq_sessions_forget(keys->sessions);  /* a join may have been among them */
	wq_keys_actors_lost(keys);
	wq_task_renewals_lost(&keys->tasks); /* and who executed what */
	wq_serials_forget(&keys->serials);
	wq_keys_tell_loss(keys, NULL, NULL);
	wq_keys_resync(keys);
}

static void on_died(void *arg, const char *why)
{
	struct wq_keys *keys = arg;

	snprintf(keys->why_not, sizeof(keys->why_not), "%s", why);
	keys->trace_died = true;
	wq_keys_resync(keys);
}

static const struct wq_trace_ops trace_ops = {
	.hint = on_hint,
	.forked = on_forked,
	.ids_changed = on_ids_changed,
	.ids_lost = on_ids_lost,
	.renewed = on_renewed,
	.forks_lost = on_forks_lost,
	.exited = on_exited,
	.unseen = on_unseen,
	.lost = on_lost,
	.died = on_died,
};

void wq_keys_start_trace(struct wq_keys *keys)
{
	keys->trace_died = false;
	if (keys->config.source == WQ_KEYS_POLL) {
		snprintf(keys->why_not, sizeof(keys->why_not), "source=poll");
		return;
	}
	keys->sessions = wq_sessions_new();
	if (!keys->sessions) {
		snprintf(keys->why_not, sizeof(keys->why_not), "out of memory");
		return;
	}
	keys->trace = wq_trace_new(keys->loop, &trace_ops, keys, keys->config.buffer_kb,
		keys->why_not, sizeof(keys->why_not));
	if (keys->trace) {
		wq_keys_actors_begin(keys);
		if (!TAILQ_EMPTY(&keys->all))
			wq_trace_tell_occasions(keys->trace);
		wq_keys_await_ends(keys);
		return;
	}
	wq_sessions_free(keys->sessions);
	keys->sessions = NULL;
}

void wq_keys_stop_hints(struct wq_keys *keys)
{
	wq_keys_actors_end(keys);
	wq_trace_free(keys->trace);
	keys->trace = NULL;
	wq_sessions_free(keys->sessions);
	keys->sessions = NULL;
	wq_task_renewals_lost(&keys->tasks);
	wq_keys_forget_all_inflight(keys);
}

static void plan_retry(struct wq_keys *keys)
{
	uint64_t wait = keys->trace_wait_ns ? keys->trace_wait_ns * 2 : RETRY_FIRST_NS;

	keys->trace_wait_ns = wait < RETRY_LAST_NS ? wait : RETRY_LAST_NS;
	keys->trace_retry_ns = wq_now_ns() + keys->trace_wait_ns;
}

/* There was a trace, and may be again. */
static void retry(struct wq_keys *keys)
{
	wq_keys_start_trace(keys);
	if (!keys->trace) {
		plan_retry(keys);
		return;
	}
	keys->trace_retry_ns = keys->trace_wait_ns = 0;
	/* to be seen by whoever saw the warning of its death */
	wq_log(WQ_LOG_WARNING, "the trace is back");
}

void wq_keys_check_trace(struct wq_keys *keys)
{
	if (!keys->trace) {
		if (keys->trace_retry_ns && wq_now_ns() >= keys->trace_retry_ns)
			retry(keys);
		return;
	}
	if (!keys->trace_died && wq_trace_alive(keys->trace))
		return;
	wq_keys_stop_hints(keys);
	wq_keys_start_trace(keys);
	if (!keys->trace)
		plan_retry(keys);
	wq_log(WQ_LOG_WARNING, "the trace has died: LOSS, and %s%s",
		keys->trace ? "another one" : "polling: ", keys->trace ? "" : keys->why_not);
	wq_keys_tell_loss(keys, NULL, NULL);
}

/* Where all can be taken in it had to be, and nobody pays for it. What is paid is that others
 * wait while there is more than that: a slice. */
bool wq_keys_catch_up(struct wq_keys *keys, uid_t uid)
{
	if (!keys->trace || keys->trace_died)
		return true;
	if (!wq_shares_left(&keys->catching_up, uid, wq_now_ns()))
		return false;
	if (wq_trace_drain(keys->trace, SLICE_NS))
		return true;
	wq_shares_spend(&keys->catching_up, uid, SLICE_NS);
	return false;
}

/* The same for ourselves, no oftener than half of the time. */
static bool catch_up(struct wq_keys *keys)
{
	if (!keys->trace || keys->trace_died)
		return true;
	if (wq_now_ns() < keys->catch_up_ns) /* others have their turn */
		return false;
	if (wq_trace_drain(keys->trace, SLICE_NS))
		return true;
	keys->catch_up_ns = wq_now_ns() + SLICE_NS;
	return false;
}

bool wq_keys_caught_up(struct wq_keys *keys, uint64_t *since_ns)
{
	bool caught_up = catch_up(keys);

	if (!caught_up && !*since_ns)
		*since_ns = wq_now_ns();
	if (!caught_up && wq_now_ns() - *since_ns < CATCH_UP_NS)
		return false;
	*since_ns = 0;
	return true;
}
