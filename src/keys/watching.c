/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "keys/lookup.h"
#include "keys/watching.h"

struct key_watch {
	struct wq_watch watch;
	uid_t uid; /* the user among whose watches it is counted */
};

void wq_watching_init(
	struct wq_watching *w, struct wq_feed *feed, struct wq_expiry_scan *expiry)
{
	const struct wq_follower *parts = &feed->follower;

	*w = (struct wq_watching){
		parts->model, parts->compare, parts->gc, parts->scan, expiry, feed};
}

/* ---- the end of watches and keys ---- */

static void free_key(struct wq_key *key)
{
	wq_supervisor_unwatch(&key->model->sources, key->serial);
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

bool wq_watching_remove(struct wq_key *key, uint64_t until_ns)
{
	if (wq_watch_list_empty(&key->watchers)) {
		free_key(key);
		return true;
	}
	/* the release of the last watch frees the key */
	return wq_watch_list_remove_until(&key->watchers, (uint64_t)key->serial, until_ns);
}

/* ---- new keys ---- */

static bool same_ids(const struct wq_view_cred *a, const struct wq_view_cred *b)
{
	return a->none == b->none && a->other == b->other && a->uid == b->uid &&
	       a->gid == b->gid;
}

static struct wq_key *new_key(
	struct wq_watching *w, int32_t serial, const struct wq_view_cred *as)
{
	struct wq_key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	key->model = w->model;
	key->serial = serial;
	key->view = *as;
	key->proc.len = -1;
	wq_watch_list_init(&key->watchers, release_watch);
	return key;
}

/* Adds KEY to the registry, and asks the source to report it, if the source must know. */
static int register_key(struct wq_watching *w, struct wq_key *key)
{
	struct wq_model *m = w->model;
	int r = wq_registry_add(&m->registry, key);

	if (r < 0)
		return r;
	r = wq_supervisor_watch(&m->sources, key->serial);
	if (m->sources.died)
		wq_scan_resync(w->scan);
	if (r == 0 && wq_model_has(m, WQ_SOURCE_ENDS) &&
		!wq_key_reader_exists(m->reader, key->serial)) {
		/* an earlier end of the key is not reported */
		wq_supervisor_unwatch(&m->sources, key->serial);
		r = -ENOKEY;
	}
	if (r < 0)
		wq_registry_remove(&m->registry, key);
	return r;
}

/* Starts to observe SERIAL, which wq_lookup() has just described. */
static int observe(struct wq_watching *w, int32_t serial, const struct wq_view_cred *as,
	struct wq_key **out)
{
	struct wq_key *key = new_key(w, serial, as);
	int r = key ? wq_compare_first(key) : -ENOMEM;

	/* it may have died since wq_lookup() */
	if (r == 0 && !(as->none && key->state.life == WQ_KEY_HIDDEN))
		r = wq_lookup_life_error(key->state.life);
	if (r == 0)
		r = register_key(w, key);
	if (r < 0) {
		if (key)
			wq_key_state_fini(&key->state);
		free(key);
		return r;
	}
	if (!w->scan->expiry_stage && !key->needs_snapshot)
		wq_expiry_first_view(w->expiry);
	wq_supervisor_ask_occasions(&w->model->sources);
	wq_gc_put_on_probation(w->gc, key);
	*out = key;
	return 0;
}

/* ---- new watches ---- */

/* Charges CALLER's user for one more watch: 0, -EAGAIN or -ENOMEM. */
static int charge(struct wq_watching *w, const struct wq_caller *caller)
{
	int r = wq_per_user_charge(
		&w->model->registry.users, caller->uid, wq_caller_nofile(caller));

	return r == -EDQUOT ? -EAGAIN : r;
}

static void free_unset(struct key_watch **kw)
{
	free(*kw);
}

static void free_unwatched(struct wq_key **key)
{
	if (*key && wq_watch_list_empty(&(*key)->watchers))
		free_key(*key);
}

static int add_watch(struct wq_watching *w, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller, const struct wq_view_cred *as)
{
	WQ_CLEANUP(free_unwatched)
	struct wq_key *key = wq_registry_find(&w->model->registry, serial);
	WQ_CLEANUP(free_unset) struct key_watch *kw = calloc(1, sizeof(*kw));
	int r = 0;

	if (!kw)
		return -ENOMEM;
	if (!key)
		r = observe(w, serial, as, &key);
	else if (!wq_model_has_events(w->model))
		wq_compare_key(w->compare, key); /* earlier changes are not for this watch */
	if (r < 0)
		return r;
	if (key->zombie) /* its REMOVAL comes before a watch of another key that has its serial
			  */
		return wq_key_reader_exists(w->model->reader, serial) ? -EINPROGRESS : -ENOKEY;
	wq_watch_init(&kw->watch, queue);
	kw->watch.id = (uint64_t)serial;
	kw->watch.info_id = (uint32_t)watch_id << WATCH_INFO_ID__SHIFT;
	kw->watch.private = key;
	kw->uid = caller->uid;
	r = wq_watch_exists(&kw->watch, &key->watchers) ? -EBUSY : charge(w, caller);
	if (r < 0)
		return r;
	r = wq_watch_add(&kw->watch, &key->watchers);
	if (r < 0) {
		wq_per_user_uncharge(&w->model->registry.users, kw->uid);
		return r;
	}
	kw = NULL; /* the key has it */
	wq_scan_start(w->scan);
	return 0;
}

int wq_watching_set(struct wq_watching *w, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller)
{
	struct wq_view_cred as;
	struct wq_key *key;
	int r;

	if (watch_id < -1 || watch_id > WQFS_WATCH_ID_MAX)
		return -EINVAL;
	r = wq_lookup(w->model, serial, caller, &as);
	/* the source that is being started may tell more of who may View the key */
	if (((r == 0 && watch_id >= 0) || r == -EACCES) && wq_feed_is_starting(w->feed))
		r = -EALREADY;
	if (r < 0)
		return r;
	/* earlier changes must be posted before this watch exists */
	wq_feed_drain_for(w->feed, caller->uid);
	key = wq_registry_find(&w->model->registry, serial);
	/* a new key has the number of one whose REMOVAL is still to be posted */
	if (key && key->zombie && watch_id >= 0)
		return -EINPROGRESS;
	if (key && !same_ids(&key->view, &as))
		wq_compare_view_as(w->compare, key, &as);
	if (watch_id >= 0)
		return add_watch(w, queue, serial, watch_id, caller, &as);
	if (!key)
		return -EBADSLT;
	if (!wq_model_has_events(w->model))
		wq_compare_key(w->compare, key);
	wq_outbox_send_first(&w->model->outbox, queue);
	return wq_watch_remove(&key->watchers, queue, (uint64_t)serial, false);
}
