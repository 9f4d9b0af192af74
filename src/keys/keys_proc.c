/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Passes over /proc/keys: only it tells of timeouts, and how long a payload is that cannot
 * be read.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "keys/keys_internal.h"

#define PROC_SHARE	 0.05 /* of the CPU budget */
#define PROC_HELD_NS	 NS_PER_S
#define JUDGED_AT_ONCE	 64
#define PROC_AT_WATCH_NS (NS_PER_MS / 4) /* a pass this cheap is made for each new watch */

static void see_line(void *arg, const struct wq_proc_key *line)
{
	struct wq_keys *keys = arg;
	struct wq_key *key = wq_keys_find(keys, line->serial);
	struct proc_view *v;

	if (!key)
		return;
	v = &key->proc;
	if (v->seen_pass != keys->proc_pass) {
		v->seen_pass = keys->proc_pass;
		v->seen = 0;
	}
	v->seen += line->known ? 1 : 2;
	v->expired = line->expired;
	v->new_expiry = line->expiry;
	/* what is compared itself needs no length */
	v->new_len = key->state.payload == WQ_PAYLOAD_UNREADABLE ||
				     key->state.payload == WQ_PAYLOAD_UNREAD
			     ? wq_proc_keys_len(line->tail, wq_key_description(&key->state))
			     : -1;
}

/* Compares what a whole pass saw of KEY with what the one before did. */
static void judge_line(struct wq_key *key)
{
	struct proc_view *v = &key->proc;
	bool first = v->pass == 0;

	if (v->seen_pass != key->keys->proc_pass || v->seen != 1 || v->expired ||
		key->state.life != WQ_KEY_ALIVE)
		return;
	v->pass = v->seen_pass;
	if (!first && v->len >= 0 && v->new_len >= 0 && v->len != v->new_len &&
		!wq_key_is_type(&key->state, "keyring"))
		wq_keys_post_difference(key, NOTIFY_KEY_UPDATED, 0);
	if (v->is_said)
		v->expiry = v->said;
	v->is_said = false;
	if (!first && wq_expiry_differ(v->expiry, v->new_expiry))
		wq_keys_post_difference(key, NOTIFY_KEY_SETATTR, 0);
	else if (!first)
		v->new_expiry = wq_expiry_both(v->expiry, v->new_expiry);
	v->expiry = v->new_expiry;
	v->len = v->new_len;
	if (wq_expiry_differ(v->expiry, wq_expiry_never) && !wq_keys_end_of(key))
		wq_keys_ends_at(key, v->expiry.to + wq_keys_gc_delay(key->keys));
}

bool wq_keys_proc_begin(struct wq_keys *keys)
{
	if (!keys->proc && !keys->proc_failed) {
		keys->proc = wq_proc_keys_open();
		if (!keys->proc) {
			keys->proc_failed = true;
			wq_log(WQ_LOG_WARNING,
				"/proc/keys: %s: changes of a timeout will not be seen",
				strerror(errno));
		}
	}
	if (!keys->proc)
		return false;
	wq_proc_keys_rewind(keys->proc);
	keys->proc_pass++;
	keys->proc_began_ns = wq_now_ns();
	keys->proc_cost_ns = 0;
	keys->judging = false;
	return true;
}

/* What a hint tells is no difference: while one that may come to KEY is on its way KEY is not
 * judged. On a busy machine, or for somebody's ill will, one always is. */
static bool held_up(struct wq_key *key, uint64_t now)
{
	struct proc_view *v = &key->proc;

	if (!wq_keys_inflight(key, now))
		v->held_ns = 0;
	else if (!v->held_ns)
		v->held_ns = now;
	return v->held_ns && now - v->held_ns < PROC_HELD_NS;
}

/* Keys that come meanwhile are not in the pass. A key that leaves is stepped over. */
static enum wq_proc_step judge_lines(struct wq_keys *keys)
{
	uint64_t now = wq_now_ns();
	unsigned int n = 0;

	while (keys->judge_next && n++ < JUDGED_AT_ONCE) {
		struct wq_key *key = keys->judge_next;

		keys->judge_next = TAILQ_NEXT(key, node);
		if (!held_up(key, now))
			judge_line(key);
		if (wq_now_ns() - now >= SLICE_NS)
			break;
	}
	if (keys->judge_next)
		return WQ_PROC_MORE;
	keys->judging = false;
	return WQ_PROC_END;
}

static enum wq_proc_step read_lines(struct wq_keys *keys)
{
	int r = wq_proc_keys_next(keys->proc, see_line, keys);

	if (r > 0)
		return WQ_PROC_MORE;
	if (r < 0)
		return WQ_PROC_END;
	keys->judging = true;
	keys->judge_next = TAILQ_FIRST(&keys->all);
	return WQ_PROC_PAUSE;
}

enum wq_proc_step wq_keys_proc_step(struct wq_keys *keys)
{
	uint64_t began = wq_budget_clock();
	enum wq_proc_step r = keys->judging ? judge_lines(keys) : read_lines(keys);

	keys->proc_cost_ns += wq_budget_clock() - began;
	return r;
}

bool wq_keys_proc_due(const struct wq_keys *keys, uint64_t now)
{
	double wait = (double)keys->proc_cost_ns / (keys->config.cpu_budget * PROC_SHARE);

	return (double)(now - keys->proc_began_ns) >= wait;
}

void wq_keys_proc_first_view(struct wq_keys *keys)
{
	uint64_t until;

	if (keys->proc_stage || keys->proc_cost_ns > PROC_AT_WATCH_NS ||
		!wq_keys_proc_begin(keys))
		return;
	until = wq_now_ns() + SLICE_NS;
	while (wq_keys_proc_step(keys) != WQ_PROC_END)
		if (wq_now_ns() >= until)
			break; /* it takes too long: the next pass is the first */
	keys->judging = false;
	keys->judge_next = NULL;
}

void wq_keys_proc_fini(struct wq_keys *keys)
{
	wq_proc_keys_close(keys->proc);
}
