/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "keys/apply.h"
#include "keys/expiry_scan.h"

#define PASS_SHARE	 0.05 /* of the CPU budget */
#define HELD_NS		 WQ_NSEC_PER_SEC
#define COMPARED_AT_ONCE 64
/* If a pass costs less than this, each new watch makes one. The cheaper of the last two counts:
 * the first pass of all, and one after which the caches were cold, costs several times as much.
 */
#define AT_WATCH_NS (WQ_NSEC_PER_MSEC / 4)

/* Also those of keys that nobody watches, because they may be members of watched keyrings. */
static void note_timeout(struct wq_expiry_scan *e, const struct wq_proc_key *line)
{
	time_t expires = 0;

	if (line->expired)
		expires = time(NULL);
	else if (line->known && wq_expiry_differ(line->expiry, wq_expiry_never))
		expires = line->expiry.from;
	/* nothing is known then, of a key that has just expired either */
	if (expires && !wq_proc_keys_agrees(line))
		return;
	wq_timeouts_line(&e->model->timeouts, line->serial,
		expires ? expires + wq_gc_delay(e->gc) : 0, line->expired, line->read_ns);
}

static void see_line(void *arg, const struct wq_proc_key *line)
{
	struct wq_expiry_scan *e = arg;
	struct wq_key *key = wq_registry_find(&e->model->registry, line->serial);
	struct wq_proc_view *v;

	note_timeout(e, line);
	if (!key)
		return;
	wq_model_notice(key);
	v = &key->proc;
	if (v->seen_pass != e->pass) {
		v->seen_pass = e->pass;
		v->seen = 0;
	}
	v->seen += line->known && wq_proc_keys_agrees(line) ? 1 : 2;
	v->read_ns = line->read_ns;
	v->expired = line->expired;
	v->new_expiry = line->expiry;
	/* a payload that is compared itself needs no length */
	v->new_len = key->state.payload == WQ_PAYLOAD_UNREADABLE ||
				     key->state.payload == WQ_PAYLOAD_UNREAD
			     ? wq_proc_keys_len(line->tail, wq_key_description(&key->state))
			     : -1;
}

/* Compares what a whole pass saw of KEY with what the last pass saw, unless a change has been
 * reported since the line was read. */
static void compare_line(struct wq_expiry_scan *e, struct wq_key *key)
{
	struct wq_proc_view *v = &key->proc;
	bool first;

	/* it was put into use after the line was read */
	if (wq_model_has(e->model, WQ_SOURCE_CHANGES))
		return;
	wq_model_notice(key);
	first = v->pass == 0;
	if (v->seen_pass != e->pass || v->seen != 1 || v->read_ns <= v->reported_ns ||
		v->expired || key->state.life != WQ_KEY_ALIVE)
		return;
	v->pass = v->seen_pass;
	if (!first && v->len >= 0 && v->new_len >= 0 && v->len != v->new_len &&
		!wq_key_is_type(&key->state, "keyring"))
		wq_apply_difference(key, NOTIFY_KEY_UPDATED, 0);
	if (v->is_said)
		v->expiry = v->said;
	v->is_said = false;
	if (!first && wq_expiry_differ(v->expiry, v->new_expiry))
		wq_apply_difference(key, NOTIFY_KEY_SETATTR, 0);
	else if (!first)
		v->new_expiry = wq_expiry_both(v->expiry, v->new_expiry);
	v->expiry = v->new_expiry;
	v->len = v->new_len;
	if (wq_expiry_differ(v->expiry, wq_expiry_never) && !wq_registry_end_of(key))
		wq_gc_expect_at(e->gc, key, v->expiry.to + wq_gc_delay(e->gc));
}

bool wq_expiry_begin(struct wq_expiry_scan *e)
{
	if (!e->proc && !e->failed) {
		e->proc = wq_proc_keys_open();
		if (!e->proc) {
			e->failed = true;
			wq_log(WQ_LOG_WARNING,
				"/proc/keys: %s: changes of a timeout will not be seen",
				strerror(errno));
		}
	}
	if (!e->proc)
		return false;
	wq_proc_keys_rewind(e->proc);
	wq_timeouts_begin(&e->model->timeouts, time(NULL));
	e->pass++;
	e->began_ns = wq_now_ns();
	e->cost_before_ns = e->cost_ns;
	e->cost_ns = 0;
	e->comparing = false;
	wq_cursor_end(&e->cursor);
	return true;
}

/* A difference that an operation explains is not posted. So KEY is not compared while an
 * operation that may concern it is under way. On a busy machine, or with bad intent, there
 * always is one; so the wait is limited. */
static bool held_up(struct wq_model *m, struct wq_key *key, uint64_t now)
{
	struct wq_proc_view *v = &key->proc;

	if (!wq_inflight_may_change(
		    &m->inflight, key, now, wq_model_has(m, WQ_SOURCE_OPERATIONS)))
		v->held_ns = 0;
	else if (!v->held_ns)
		v->held_ns = now;
	return v->held_ns && now - v->held_ns < HELD_NS;
}

/* Compares the keys that were in the pass; keys that came during the pass were not. */
static enum wq_expiry_step compare_lines(struct wq_expiry_scan *e)
{
	uint64_t now = wq_now_ns();
	struct wq_key *key;
	unsigned int n = 0;

	while (n++ < COMPARED_AT_ONCE && wq_now_ns() - now < WQ_PIECE_NS &&
		(key = wq_cursor_next(&e->cursor)))
		if (!held_up(e->model, key, now))
			compare_line(e, key);
	if (e->cursor.next)
		return WQ_EXPIRY_MORE;
	e->comparing = false;
	return WQ_EXPIRY_END;
}

static enum wq_expiry_step read_lines(struct wq_expiry_scan *e)
{
	int r = wq_proc_keys_next(e->proc, see_line, e);

	if (r > 0)
		return WQ_EXPIRY_MORE;
	if (r < 0)
		return WQ_EXPIRY_END;
	wq_timeouts_end(&e->model->timeouts, wq_now_ns());
	e->comparing = true;
	wq_cursor_begin(&e->model->registry, &e->cursor);
	return WQ_EXPIRY_PAUSE;
}

enum wq_expiry_step wq_expiry_step(struct wq_expiry_scan *e)
{
	uint64_t began = wq_budget_clock();
	enum wq_expiry_step r = e->comparing ? compare_lines(e) : read_lines(e);

	e->cost_ns += wq_budget_clock() - began;
	return r;
}

bool wq_expiry_due(const struct wq_expiry_scan *e, uint64_t now)
{
	double wait = (double)e->cost_ns / (e->model->config.pace.cpu_budget * PASS_SHARE);

	return (double)(now - e->began_ns) >= wait;
}

static bool is_cheap(const struct wq_expiry_scan *e)
{
	return e->cost_ns <= AT_WATCH_NS || e->cost_before_ns <= AT_WATCH_NS;
}

void wq_expiry_first_view(struct wq_expiry_scan *e)
{
	uint64_t until;

	if (!is_cheap(e) || !wq_expiry_begin(e))
		return;
	/* In CPU time, so that preemption does not count. */
	until = wq_budget_clock() + WQ_SLICE_NS / 2;
	while (wq_expiry_step(e) != WQ_EXPIRY_END)
		if (wq_budget_clock() >= until)
			break; /* it takes too long: the first regular pass counts instead */
	e->comparing = false;
	wq_cursor_end(&e->cursor);
}

void wq_expiry_init(struct wq_expiry_scan *e, struct wq_model *model, struct wq_gc_watch *gc)
{
	e->model = model;
	e->gc = gc;
}

void wq_expiry_fini(struct wq_expiry_scan *e)
{
	wq_cursor_end(&e->cursor);
	wq_proc_keys_close(e->proc);
}
