/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "keys/keys_internal.h"

struct key_watch {
	struct wq_watch watch;
	uid_t uid; /* whose count it is in */
};

struct wq_key *wq_keys_find(const struct wq_keys *keys, int32_t serial)
{
	struct wq_key *key;

	HASH_FIND_INT(keys->by_serial, &serial, key);
	return key;
}

void wq_keys_cursor_begin(struct wq_keys *keys, struct wq_key_cursor *c)
{
	c->next = TAILQ_FIRST(&keys->all);
	LIST_INSERT_HEAD(&keys->cursors, c, node);
}

struct wq_key *wq_keys_cursor_next(struct wq_key_cursor *c)
{
	struct wq_key *key = c->next;

	if (key)
		c->next = TAILQ_NEXT(key, node);
	return key;
}

void wq_keys_cursor_end(struct wq_key_cursor *c)
{
	LIST_REMOVE(c, node);
}

/* ---- watches ---- */

/* One more watch for CALLER's user: 0, -EAGAIN or -ENOMEM. */
static int charge(struct wq_keys *keys, const struct wq_caller *caller)
{
	int r = wq_per_user_charge(&keys->users, caller->uid, wq_caller_nofile(caller));

	return r == -EDQUOT ? -EAGAIN : r;
}

static void free_key(struct wq_key *key)
{
	wq_keys_forget_key(key);
	HASH_DEL(key->keys->by_serial, key);
	wq_key_state_fini(&key->state);
	free(key);
}

static void release_watch(struct wq_watch *watch)
{
	struct key_watch *kw = (struct key_watch *)watch;
	struct wq_key *key = watch->private;

	wq_per_user_uncharge(&key->keys->users, kw->uid);
	free(kw);
	if (wq_watch_list_empty(&key->watchers))
		free_key(key);
}

void wq_keys_remove(struct wq_key *key)
{
	if (wq_watch_list_empty(&key->watchers))
		free_key(key);
	else /* the release of the last one frees it */
		wq_watch_list_remove(&key->watchers, (uint64_t)key->serial);
}

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

/* Describes SERIAL into keys->scratch as one who may View it, and says who in AS: who was it
 * before; the daemon itself; CALLER, if the daemon can ask with its ids. 0 or -ENOMEM. */
static int describe_for(struct wq_keys *keys, int32_t serial, const struct wq_caller *caller,
	struct wq_look_as *as)
{
	const struct wq_key *key = wq_keys_find(keys, serial);
	struct wq_key_state *s = &keys->scratch;
	int r;

	*as = key ? key->as : (struct wq_look_as){0};
	r = wq_look_describe(keys->look, as, serial, s);
	if (r < 0 || s->life != WQ_KEY_HIDDEN || geteuid() != 0 || caller->uid == 0)
		return r;
	*as = (struct wq_look_as){.other = true, .uid = caller->uid, .gid = caller->gid};
	return wq_look_describe(keys->look, as, serial, s);
}

/* What lookup_user_key(KEY_NEED_VIEW) says to CALLER; when it says 0 the description is in
 * keys->scratch, and in AS who may see it. */
static int lookup(struct wq_keys *keys, int32_t serial, const struct wq_caller *caller,
	struct wq_look_as *as)
{
	struct wq_key_state *s = &keys->scratch;
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
	r = wq_keys_find(keys, serial) ? 0 : wq_look_constructed(keys->look, serial);
	if (r < 0)
		return r;
	return wq_access_may_view(s, caller) ? 0 : -EACCES;
}

/* Begins to observe SERIAL, which lookup() has just described. */
static int new_key(
	struct wq_keys *keys, int32_t serial, const struct wq_look_as *as, struct wq_key **out)
{
	struct wq_key *key = calloc(1, sizeof(*key));
	int r = -ENOMEM;

	if (!key)
		return -ENOMEM;
	key->keys = keys;
	key->serial = serial;
	key->as = *as;
	key->proc.len = -1;
	wq_watch_list_init(&key->watchers, release_watch);
	r = wq_keys_first_look(key);
	if (r == 0) /* it may have died since lookup() */
		r = life_error(key->state.life);
	if (r == 0) {
		HASH_ADD_INT(keys->by_serial, serial, key);
		if (!key->hh.tbl)
			r = -ENOMEM;
	}
	if (r < 0) {
		wq_key_state_fini(&key->state);
		free(key);
		return r;
	}
	TAILQ_INSERT_TAIL(&keys->all, key, node);
	wq_rings_add(&keys->rings, key);
	wq_keys_proc_first_view(keys);
	if (keys->trace)
		wq_trace_tell_occasions(keys->trace);
	wq_keys_is_new(key);
	*out = key;
	return 0;
}

static int add_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller, const struct wq_look_as *as)
{
	struct wq_key *key = wq_keys_find(keys, serial);
	struct key_watch *kw = calloc(1, sizeof(*kw));
	int r = 0;

	if (!kw)
		return -ENOMEM;
	if (!key)
		r = new_key(keys, serial, as, &key);
	else if (!keys->trace)
		wq_keys_look_at(key); /* what was before this watch is not for it */
	if (r < 0)
		goto err;
	if (key->buried) {
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
		wq_per_user_uncharge(&keys->users, kw->uid);
		goto err_key;
	}
	if (!keys->running && !keys->timer.set) {
		keys->round_ns = wq_now_ns();
		wq_keys_plan(keys);
	}
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
	key = wq_keys_find(keys, serial);
	if (key && !same_ids(&key->as, &as))
		wq_keys_look_as(key, &as);
	if (watch_id >= 0)
		return add_watch(keys, queue, serial, watch_id, caller, &as);
	if (!key)
		return -EBADSLT;
	if (!keys->trace)
		wq_keys_look_at(key);
	return wq_watch_remove(&key->watchers, queue, (uint64_t)serial, false);
}

/* ---- the rest ---- */

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
	keys->config = *config;
	keys->loop = loop;
	wq_rings_init(&keys->rings);
	wq_keys_change_init(keys);
	wq_keys_round_init(keys);
	wq_keys_end_init(keys);
	keys->look = wq_look_new();
	if (!keys->look) {
		wq_keys_end_fini(keys);
		free(keys);
		return NULL;
	}
	wq_keys_start_trace(keys);
	if (config->source == WQ_KEYS_TRACE && !keys->trace) {
		snprintf(why, why_size, "source=trace: %s", keys->why_not);
		wq_keys_free(keys);
		return NULL;
	}
	return keys;
}

void wq_keys_free(struct wq_keys *keys)
{
	if (!keys)
		return;
	wq_keys_stop_hints(keys);
	wq_keys_end_fini(keys);
	wq_keys_round_fini(keys);
	wq_keys_change_fini(keys);
	wq_key_state_fini(&keys->scratch);
	wq_look_free(keys->look);
	free(keys);
}

void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s)
{
	s->source = keys->trace ? WQFS_SOURCE_TRACE : WQFS_SOURCE_POLL;
	s->rounds = keys->round - keys->running;
	s->interval_us = keys->interval_ns / 1000u > UINT32_MAX
				 ? UINT32_MAX
				 : (uint32_t)(keys->interval_ns / 1000u);
}

const char *wq_keys_source_text(struct wq_keys *keys)
{
	if (keys->trace)
		snprintf(keys->source_text, sizeof(keys->source_text),
			"trace, and a look at every key each %u s", keys->config.resync_s);
	else if (!keys->interval_ns)
		snprintf(keys->source_text, sizeof(keys->source_text),
			"poll, once a key is watched (not trace: %s)", keys->why_not);
	else
		snprintf(keys->source_text, sizeof(keys->source_text),
			"poll, each key every %.3f ms (not trace: %s)",
			(double)keys->interval_ns / NS_PER_MS, keys->why_not);
	return keys->source_text;
}

static const char *how_observed(const struct wq_key *key)
{
	switch (key->state.life) {
	case WQ_KEY_HIDDEN:
		return "not viewable: only its end is seen";
	case WQ_KEY_EXPIRED:
		return "expired: its removal is awaited";
	case WQ_KEY_REVOKED:
		return "revoked: its removal is awaited";
	case WQ_KEY_INVALIDATED:
	case WQ_KEY_GONE:
		return "invalidated: its removal is awaited";
	case WQ_KEY_ALIVE:
		break;
	}
	if (key->keys->trace)
		return "traced";
	switch (key->state.payload) {
	case WQ_PAYLOAD_UNREADABLE:
		return wq_key_is_type(&key->state, "keyring")
			       ? "members not readable: links are not seen"
			       : "payload not readable: only updates that change its length "
				 "are seen";
	case WQ_PAYLOAD_UNREAD:
		return "payload of this type is not read: updates are not seen";
	case WQ_PAYLOAD_DIGEST:
		return "payload compared";
	case WQ_PAYLOAD_MEMBERS:
		break;
	}
	return "members compared";
}

void wq_keys_print_watch(
	const struct wq_watch *watch, const struct wq_caller *caller, FILE *out)
{
	const struct wq_key *key = watch->private;
	const struct wq_key_state *s = &key->state;

	fprintf(out, "%d %u ", key->serial, watch->info_id >> WATCH_INFO_ID__SHIFT);
	/* Whether a key that cannot be looked at any more grants anybody anything is not known.
	 */
	if (s->life == WQ_KEY_HIDDEN) {
		fprintf(out, "-\t%s", how_observed(key));
	} else if (!wq_access_may_view(s, caller)) {
		fputs("-\tit does not grant you View", out);
	} else {
		wq_escape(out, s->describe, strlen(s->describe), true);
		fprintf(out, "\t%s", how_observed(key));
	}
}
