/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys bridge: its parts by value, its timers, and what follows from what the parts say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "base/log.h"
#include "keys/access.h"
#include "keys/interpret.h"
#include "keys/post.h"
#include "keys_bridge.h"
#include "sources/syscalls.h"

/* What must know all that was done before waits so long at most. */
#define CATCH_UP_NS (WQ_NSEC_PER_SEC / 10)

#define WORK_NS WQ_NSEC_PER_MSEC /* for what sources have told and nobody has asked for */

struct wq_keys {
	struct wq_model model;
	struct wq_actors actors;
	struct wq_resolve resolve;
	struct wq_compare compare;
	struct wq_gc_watch gc;
	struct wq_expiry_scan expiry;
	struct wq_scan scan;
	struct wq_applier applier; /* those of them that changes go into */

	struct wq_timer drain_timer; /* to go on with the events of sources */
	bool draining;
	uint64_t catch_up_ns; /* when more of them may be taken in before a step of ours */
	struct wq_shares catching_up; /* the same for requests */
	/* Since when a turn of each waits for what sources have told; or 0. */
	uint64_t scan_since_ns, deferred_since_ns, zombies_since_ns;
	struct wq_timer zombies_timer; /* to tell of keys that are gone */
	char source_text[256];
};

struct key_watch {
	struct wq_watch watch;
	uid_t uid; /* whose count it is in */
};

/* ---- what sources tell ---- */

/* What an operation or a change asked for besides. */
static void follow(struct wq_keys *keys, unsigned int consequences)
{
	if (consequences & WQ_MAY_DESTROY)
		wq_gc_schedule(&keys->gc);
	if (consequences & WQ_SCAN_SOON)
		wq_scan_soon(&keys->scan);
}

static void on_ended(struct wq_keys *keys, struct wq_operation *op)
{
	wq_resolve_explain(
		&keys->resolve, wq_inflight_find(&keys->model.inflight, op->tid), op);
	wq_gc_expedite(&keys->gc);
	follow(keys, wq_interpret(&keys->applier, op, NULL));
}

/* What was learnt from what sources tell in order is worth nothing. */
static void forget_told(struct wq_keys *keys)
{
	wq_inflight_forget_all(&keys->model.inflight);
	wq_actors_forget(&keys->actors);
	wq_serials_forget(&keys->model.serials);
}

static void on_lost(struct wq_keys *keys)
{
	wq_log(WQ_LOG_WARNING, "the trace buffer overflowed: LOSS, and a look at every key");
	forget_told(keys);
	wq_actors_lost(&keys->actors);
	wq_post_loss(&keys->model, NULL, NULL);
	wq_scan_resync(&keys->scan);
}

static void handle(struct wq_keys *keys, struct wq_event *event)
{
	switch (event->kind) {
	case WQ_EVENT_BEGIN:
		follow(keys, wq_interpret(&keys->applier, &event->operation, NULL));
		break;
	case WQ_EVENT_END:
		on_ended(keys, &event->operation);
		break;
	case WQ_EVENT_FORK:
		wq_actors_forked(&keys->actors, event->fork.parent, event->fork.child,
			event->fork.at_ns);
		break;
	case WQ_EVENT_IDS:
		wq_actors_ids_changed(
			&keys->actors, event->ids.tid, event->ids.change, event->ids.arg);
		break;
	case WQ_EVENT_CHANGE:
		follow(keys, wq_apply_change(&keys->applier, &event->change));
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

	while (wq_event_order_take(&keys->model.events, &event)) {
		handle(keys, &event);
		if (wq_now_ns() >= end_ns)
			break;
	}
}

/* Has all been handled that was done before NOW_NS? */
static bool is_drained(const struct wq_keys *keys, uint64_t now_ns)
{
	return !wq_event_order_behind(&keys->model.events) && !keys->model.events.lost &&
	       keys->model.events.complete_ns >= now_ns;
}

/* Handles what was done before this call, or as much of it as ALLOWED_NS are enough for: the
 * rest follows by itself, between requests. True: it was all of it. */
static bool drain_sources(struct wq_keys *keys, uint64_t allowed_ns)
{
	uint64_t now = wq_now_ns(), end = now + allowed_ns;
	struct wq_source *source = keys->model.sources.source;
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
		wq_supervisor_died(&keys->model.sources, strerror(-r));
		wq_scan_resync(&keys->scan);
		return true;
	}
	/* what was read and not handled will not wake us again; forks can wait */
	if (!is_drained(keys, now) || keys->model.events.waiting)
		wq_timer_set(keys->model.loop, &keys->drain_timer, 0);
	return is_drained(keys, now);
}

static void on_ready(void *arg)
{
	struct wq_keys *keys = arg;

	if (keys->model.sources.source && !keys->model.sources.died)
		drain_sources(keys, WORK_NS);
}

static void on_drain_timer(struct wq_timer *timer)
{
	on_ready(wq_container_of(timer, struct wq_keys, drain_timer));
}

static bool has_source(const struct wq_keys *keys)
{
	return keys->model.sources.source && !keys->model.sources.died;
}

/* Where all can be taken in it had to be, and nobody pays for it. What is paid is that others
 * wait while there is more than that: a slice. */
bool wq_keys_catch_up(struct wq_keys *keys, uid_t uid)
{
	if (!has_source(keys))
		return true;
	if (!wq_shares_left(&keys->catching_up, uid, wq_now_ns()))
		return false;
	if (drain_sources(keys, WQ_SLICE_NS))
		return true;
	wq_shares_spend(&keys->catching_up, uid, WQ_SLICE_NS);
	return false;
}

/* The same for ourselves, no oftener than half of the time. */
static bool catch_up(struct wq_keys *keys)
{
	if (!has_source(keys))
		return true;
	if (wq_now_ns() < keys->catch_up_ns) /* others have their turn */
		return false;
	if (drain_sources(keys, WQ_SLICE_NS))
		return true;
	keys->catch_up_ns = wq_now_ns() + WQ_SLICE_NS;
	return false;
}

/* Has all been taken in that was done before this call? For what is to be asked again, in
 * another turn of the loop, until it has been: then, or after 100 ms, this is true. SINCE_NS, 0
 * at first, is the asker's own. */
static bool caught_up(struct wq_keys *keys, uint64_t *since_ns)
{
	bool caught_up = catch_up(keys);

	if (!caught_up && !*since_ns)
		*since_ns = wq_now_ns();
	if (!caught_up && wq_now_ns() - *since_ns < CATCH_UP_NS)
		return false;
	*since_ns = 0;
	return true;
}

/* ---- keys that nobody watches any more ---- */

/* One more watch for CALLER's user: 0, -EAGAIN or -ENOMEM. */
static int charge(struct wq_keys *keys, const struct wq_caller *caller)
{
	int r = wq_per_user_charge(
		&keys->model.registry.users, caller->uid, wq_caller_nofile(caller));

	return r == -EDQUOT ? -EAGAIN : r;
}

static void free_key(struct wq_key *key)
{
	wq_registry_remove(&key->model->registry, key);
	wq_key_state_fini(&key->state);
	free(key);
}

static void release_watch(struct wq_watch *watch)
{
	struct key_watch *kw = (struct key_watch *)watch;
	struct wq_key *key = watch->private;

	wq_per_user_uncharge(&key->model->registry.users, kw->uid);
	free(kw);
	if (wq_watch_list_empty(&key->watchers))
		free_key(key);
}

static void remove_key(struct wq_key *key)
{
	if (wq_watch_list_empty(&key->watchers))
		free_key(key);
	else /* the release of the last one frees it */
		wq_watch_list_remove(&key->watchers, (uint64_t)key->serial);
}

/* ---- which source ---- */

static void on_forks_lost(void *arg)
{
	struct wq_keys *keys = arg;

	wq_actors_forget(&keys->actors);
	wq_actors_lost(&keys->actors);
}

static void on_renewed(void *arg, pid_t tid, uint64_t at_ns, bool is_exec)
{
	wq_task_renewed(&((struct wq_keys *)arg)->actors.tasks, tid, at_ns, is_exec);
}

static void on_ids_lost(void *arg)
{
	wq_actors_ids_lost(&((struct wq_keys *)arg)->actors);
}

static bool on_occasion(void *arg, enum wq_source_occasion occasion)
{
	struct wq_keys *keys = arg;

	if (occasion == WQ_OCCASION_EXIT)
		wq_gc_schedule(&keys->gc);
	else
		wq_scan_soon(&keys->scan);
	return !TAILQ_EMPTY(&keys->model.registry.all);
}

static void init_sources(struct wq_keys *keys)
{
	static const struct wq_source_type *const all[] = {&wq_source_syscalls, NULL};
	static const struct wq_source_type *const none[] = {NULL};
	struct wq_model *m = &keys->model;
	const struct wq_source_env env = {
		.loop = m->loop,
		.events = &m->events,
		.buffer_kb = m->config.buffer_kb,
		.sink =
			{
				.arg = keys,
				.ready = on_ready,
				.renewed = on_renewed,
				.forks_lost = on_forks_lost,
				.ids_lost = on_ids_lost,
				.occasion = on_occasion,
			},
	};

	wq_supervisor_init(&m->sources, m->config.source == WQ_KEYS_POLL ? none : all, &env);
}

/* A source has begun, which tells nothing of what was done before. */
static void on_source_started(struct wq_keys *keys)
{
	wq_actors_begin(&keys->actors);
	if (!TAILQ_EMPTY(&keys->model.registry.all))
		wq_supervisor_tell_occasions(&keys->model.sources);
	wq_gc_start(&keys->gc);
}

static void on_source_stopped(void *arg)
{
	struct wq_keys *keys = arg;

	wq_timer_clear(keys->model.loop, &keys->drain_timer);
	wq_actors_end(&keys->actors);
	forget_told(keys);
}

/* Is the source still what it was? Else LOSS, and another one or polling. Where one has died it
 * is tried again from time to time. Not while it is being drained. True: there is another. */
static bool check_source(struct wq_keys *keys)
{
	struct wq_supervisor *sources = &keys->model.sources;

	switch (wq_supervisor_check(sources, wq_now_ns(), on_source_stopped)) {
	case WQ_SUPERVISOR_SAME:
		return false;
	case WQ_SUPERVISOR_BACK:
		on_source_started(keys);
		/* to be seen by whoever saw the warning of its death */
		wq_log(WQ_LOG_WARNING, "the %s is back", wq_supervisor_name(sources));
		return true;
	case WQ_SUPERVISOR_REPLACED:
		on_source_started(keys);
		wq_log(WQ_LOG_WARNING, "the trace has died: LOSS, and another one");
		break;
	case WQ_SUPERVISOR_NONE:
		wq_log(WQ_LOG_WARNING, "the trace has died: LOSS, and polling: %s",
			wq_supervisor_why_not(sources));
		break;
	}
	wq_post_loss(&keys->model, NULL, NULL);
	return true;
}

/* ---- keys that are gone ---- */

/* Tells the watches of zombies, unless a difference from before is held back. */
static void tell_zombies(struct wq_keys *keys)
{
	struct wq_registry *registry = &keys->model.registry;
	struct wq_key *key;

	while ((key = TAILQ_FIRST(&registry->zombies)) &&
		wq_registry_is_settled(registry, key->found_scan))
		remove_key(key);
}

/* What was done to a key comes before its end. */
static void tell_ends(struct wq_keys *keys)
{
	if (TAILQ_EMPTY(&keys->model.registry.zombies))
		return;
	if (caught_up(keys, &keys->zombies_since_ns))
		tell_zombies(keys);
	else
		wq_timer_set(keys->model.loop, &keys->zombies_timer, 0);
}

static void on_zombies_timer(struct wq_timer *timer)
{
	tell_ends(wq_container_of(timer, struct wq_keys, zombies_timer));
}

static void on_gc_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, gc.timer);

	wq_gc_on_timer(&keys->gc);
	tell_ends(keys);
}

static void on_gc_due_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, gc.due_timer);

	wq_gc_on_due_timer(&keys->gc);
	tell_ends(keys);
}

static void on_gc_probation_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, gc.probation_timer);

	wq_gc_on_probation_timer(&keys->gc);
	tell_ends(keys);
}

/* ---- scans ---- */

/* Tells what has come to an end, and nothing of that scan is held back. */
static void settle(struct wq_keys *keys)
{
	struct wq_keys_sync *sync;

	tell_zombies(keys);
	while ((sync = wq_scan_done(&keys->scan))) /* done() may want another */
		sync->done(sync);
}

static void step_scan(struct wq_keys *keys)
{
	if (caught_up(keys, &keys->scan_since_ns) && wq_scan_step(&keys->scan))
		settle(keys);
}

static void begin_scan(struct wq_keys *keys, bool thorough)
{
	bool polled = !wq_model_is_told(&keys->model);

	if (thorough || polled)
		check_source(keys);
	if (polled && wq_model_is_told(&keys->model))
		thorough = true; /* it tells nothing of what was done until now */
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

static void on_deferred_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, compare.deferred_timer);
	bool more = true;

	if (caught_up(keys, &keys->deferred_since_ns))
		more = wq_compare_deferred(&keys->compare);
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

/* ---- watches ---- */

/* What the kernel says to one who names a key of that life; 0: nothing against it. */
static int life_error(enum wq_key_life life)
{
	switch (life) {
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
	return 0;
}

static bool same_ids(const struct wq_look_as *a, const struct wq_look_as *b)
{
	return a->other == b->other && a->uid == b->uid && a->gid == b->gid;
}

/* Describes SERIAL into keys->model.scratch as one who may View it, and says who in AS: who was
 * it before; the daemon itself; CALLER, if the daemon can ask with its ids. 0 or -ENOMEM. */
static int describe_for(struct wq_keys *keys, int32_t serial, const struct wq_caller *caller,
	struct wq_look_as *as)
{
	const struct wq_key *key = wq_registry_find(&keys->model.registry, serial);
	struct wq_key_state *s = &keys->model.scratch;
	int r;

	*as = key ? key->as : (struct wq_look_as){0};
	r = wq_look_describe(keys->model.look, as, serial, s);
	if (r < 0 || s->life != WQ_KEY_HIDDEN || geteuid() != 0 || caller->uid == 0)
		return r;
	*as = (struct wq_look_as){.other = true, .uid = caller->uid, .gid = caller->gid};
	return wq_look_describe(keys->model.look, as, serial, s);
}

/* What lookup_user_key(KEY_NEED_VIEW) says to CALLER; when it says 0 the description is in
 * keys->model.scratch, and in AS who may see it. */
static int lookup(struct wq_keys *keys, int32_t serial, const struct wq_caller *caller,
	struct wq_look_as *as)
{
	struct wq_key_state *s = &keys->model.scratch;
	int r;

	if (serial <= 0)
		return -EINVAL;
	r = describe_for(keys, serial, caller, as);
	if (r < 0)
		return r;
	r = life_error(s->life);
	if (r < 0)
		return r;
	/* once watched it has been constructed */
	r = wq_registry_find(&keys->model.registry, serial)
		    ? 0
		    : wq_look_constructed(keys->model.look, serial);
	if (r < 0)
		return r;
	return wq_access_may_view(s, caller) ? 0 : -EACCES;
}

static struct wq_key *new_key(struct wq_keys *keys, int32_t serial, const struct wq_look_as *as)
{
	struct wq_key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	key->model = &keys->model;
	key->serial = serial;
	key->as = *as;
	key->proc.len = -1;
	wq_watch_list_init(&key->watchers, release_watch);
	return key;
}

/* Begins to observe SERIAL, which lookup() has just described. */
static int observe(
	struct wq_keys *keys, int32_t serial, const struct wq_look_as *as, struct wq_key **out)
{
	struct wq_key *key = new_key(keys, serial, as);
	int r = key ? wq_compare_first(key) : -ENOMEM;

	if (r == 0) /* it may have died since lookup() */
		r = life_error(key->state.life);
	if (r == 0)
		r = wq_registry_add(&keys->model.registry, key);
	if (r < 0) {
		if (key)
			wq_key_state_fini(&key->state);
		free(key);
		return r;
	}
	if (!keys->scan.expiry_stage)
		wq_expiry_first_view(&keys->expiry);
	wq_supervisor_tell_occasions(&keys->model.sources);
	wq_gc_put_on_probation(&keys->gc, key);
	*out = key;
	return 0;
}

static int add_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller, const struct wq_look_as *as)
{
	struct wq_key *key = wq_registry_find(&keys->model.registry, serial);
	struct key_watch *kw = calloc(1, sizeof(*kw));
	int r = 0;

	if (!kw)
		return -ENOMEM;
	if (!key)
		r = observe(keys, serial, as, &key);
	else if (!wq_model_is_told(&keys->model))
		wq_compare_key(
			&keys->compare, key); /* what was before this watch is not for it */
	if (r < 0)
		goto err;
	if (key->zombie) {
		r = -ENOKEY;
		goto err_key;
	}
	wq_watch_init(&kw->watch, queue);
	kw->watch.id = (uint64_t)serial;
	kw->watch.info_id = (uint32_t)watch_id << WATCH_INFO_ID__SHIFT;
	kw->watch.private = key;
	kw->uid = caller->uid;
	r = wq_watch_exists(&kw->watch, &key->watchers) ? -EBUSY : charge(keys, caller);
	if (r < 0)
		goto err_key;
	r = wq_watch_add(&kw->watch, &key->watchers);
	if (r < 0) {
		wq_per_user_uncharge(&keys->model.registry.users, kw->uid);
		goto err_key;
	}
	wq_scan_start(&keys->scan);
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
	struct wq_look_as as;
	struct wq_key *key;
	int r;

	if (watch_id < -1 || watch_id > WQFS_WATCH_ID_MAX)
		return -EINVAL;
	r = lookup(keys, serial, caller, &as);
	if (r < 0)
		return r;
	/* what was before comes before, or is not for it */
	wq_keys_catch_up(keys, caller->uid);
	key = wq_registry_find(&keys->model.registry, serial);
	if (key && !same_ids(&key->as, &as))
		wq_compare_view_as(key, &as);
	if (watch_id >= 0)
		return add_watch(keys, queue, serial, watch_id, caller, &as);
	if (!key)
		return -EBADSLT;
	if (!wq_model_is_told(&keys->model))
		wq_compare_key(&keys->compare, key);
	return wq_watch_remove(&key->watchers, queue, (uint64_t)serial, false);
}

/* ---- reports ---- */

int wq_keys_report(struct wq_keys *keys, const struct wqfs_key_report *report,
	const struct wq_caller *caller)
{
	uint64_t now = wq_now_ns();
	struct wq_operation h = {
		.op = report->op,
		.result = report->result,
		.begin_ns = report->begin_ns,
		.end_ns = report->end_ns,
		.tid = caller->pid,
	};

	memcpy(h.arg, report->arg, sizeof(h.arg));
	if (!wq_operation_find(h.op) || h.begin_ns > now || h.end_ns > now ||
		(h.end_ns && h.end_ns < h.begin_ns))
		return -EINVAL;
	if (!h.end_ns && !caller->pid)
		return 0; /* all threads of pid namespaces that are not ours have no number */
	if (wq_model_is_told(&keys->model)) {
		/* of a beginning: what its thread did before is over */
		wq_keys_catch_up(keys, caller->uid);
		if (h.end_ns &&
			(!caller->compat || wq_model_has(&keys->model, WQ_SOURCE_COMPAT)))
			return 0; /* the trace tells of it, too */
	}
	if (h.end_ns && h.result >= 0)
		h.who = wq_actors_reporter(&keys->actors, caller);
	follow(keys, wq_interpret(&keys->applier, &h, caller));
	return 0;
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
	keys->applier = (struct wq_applier){m, &keys->compare, &keys->gc, &keys->resolve};
	keys->compare.deferred_timer.fire = on_deferred_timer;
	keys->gc.timer.fire = on_gc_timer;
	keys->gc.due_timer.fire = on_gc_due_timer;
	keys->gc.probation_timer.fire = on_gc_probation_timer;
	keys->scan.timer.fire = on_scan_timer;
	keys->drain_timer.fire = on_drain_timer;
	keys->zombies_timer.fire = on_zombies_timer;
	init_sources(keys);
}

struct wq_keys *wq_keys_new(
	const struct wq_keys_config *config, struct wq_loop *loop, char *why, size_t why_size)
{
	struct wq_keys *keys;
	int r = wq_look_allowed();

	if (r < 0) {
		snprintf(why, why_size,
			"keyctl() fails (%s), as where a container's seccomp filter denies it: "
			"no "
			"key could be watched",
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
	keys->model.look = wq_look_new();
	if (!keys->model.look || wq_actors_init(&keys->actors, loop) < 0) {
		wq_keys_free(keys);
		return NULL;
	}
	if (wq_supervisor_start(&keys->model.sources)) {
		on_source_started(keys);
	} else if (config->source == WQ_KEYS_TRACE) {
		snprintf(why, why_size, "source=trace: %s",
			wq_supervisor_why_not(&keys->model.sources));
		wq_keys_free(keys);
		return NULL;
	}
	return keys;
}

void wq_keys_free(struct wq_keys *keys)
{
	struct wq_model *m;

	if (!keys)
		return;
	m = &keys->model;
	wq_supervisor_stop(&m->sources);
	wq_timer_clear(m->loop, &keys->drain_timer);
	wq_timer_clear(m->loop, &keys->zombies_timer);
	wq_scan_fini(&keys->scan);
	wq_expiry_fini(&keys->expiry);
	wq_gc_fini(&keys->gc);
	wq_compare_fini(&keys->compare);
	wq_actors_fini(&keys->actors);
	wq_inflight_forget_all(&m->inflight);
	wq_registry_fini(&m->registry);
	wq_key_state_fini(&m->scratch);
	wq_look_free(m->look);
	free(keys);
}

void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s)
{
	const struct wq_source *source = keys->model.sources.source;

	s->source = source ? source->type->number : WQFS_SOURCE_POLL;
	s->rounds = keys->scan.round - keys->scan.running;
	s->interval_us = keys->scan.interval_ns / 1000u > UINT32_MAX
				 ? UINT32_MAX
				 : (uint32_t)(keys->scan.interval_ns / 1000u);
}

const char *wq_keys_source_text(struct wq_keys *keys)
{
	const char *why_not = keys->model.config.source == WQ_KEYS_POLL
				      ? "source=poll"
				      : wq_supervisor_why_not(&keys->model.sources);

	if (wq_model_is_told(&keys->model))
		snprintf(keys->source_text, sizeof(keys->source_text),
			"%s, and a look at every key each %u s",
			wq_supervisor_name(&keys->model.sources), keys->model.config.resync_s);
	else if (!keys->scan.interval_ns)
		snprintf(keys->source_text, sizeof(keys->source_text),
			"poll, once a key is watched (not trace: %s)", why_not);
	else
		snprintf(keys->source_text, sizeof(keys->source_text),
			"poll, each key every %.3f ms (not trace: %s)",
			(double)keys->scan.interval_ns / WQ_NSEC_PER_MSEC, why_not);
	return keys->source_text;
}
