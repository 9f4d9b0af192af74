/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "expiry.h"

#include <stdlib.h>

#include "base/container.h"

/* Reading takes a tenth of the time at most. */
#define SHARE 10

#define PAUSE_MIN_NS (200ull * WQ_NSEC_PER_MSEC)
#define PAUSE_MAX_NS (60 * WQ_NSEC_PER_SEC)
/* A source that polls may not tell of a timeout that is set just after the watch begins. */
#define CALM_MIN_NS (1 * WQ_NSEC_PER_SEC)

struct expiring {
	int32_t serial;
	struct wq_expiry when;
	struct wq_proc_key line;
	unsigned int pass, lines; /* how many lines it has in this pass */
	bool shown_lead, shown_end;
	UT_hash_handle hh;
};

static void drop(struct expiry *x, struct expiring *e)
{
	HASH_DEL(x->by_serial, e);
	free(e);
}

static struct expiring *get(struct expiry *x, int32_t serial)
{
	struct expiring *e;

	HASH_FIND_INT(x->by_serial, &serial, e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->serial = serial;
	e->when = wq_expiry_never;
	HASH_ADD_INT(x->by_serial, serial, e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

static bool never(const struct wq_expiry *when)
{
	return when->from > when->to;
}

/* ---- reading ---- */

static void on_line(void *arg, const struct wq_proc_key *line)
{
	struct expiry *x = arg;
	struct expiring *e =
		key_tree_id(x->tree, line->serial) < 0 ? NULL : get(x, line->serial);

	if (!e)
		return;
	e->lines = e->pass == x->pass ? e->lines + 1 : 1;
	e->lines += !wq_proc_keys_agrees(line); /* counts as one more */
	e->pass = x->pass;
	e->line = *line;
}

/* A serial that stands there twice, or of which the kernel says something else, was forged: see
 * keys/proc_keys.h. */
static void read_all(struct expiry *x)
{
	struct wq_proc_keys *file = wq_proc_keys_open();
	const uint64_t began = wq_now_ns();

	x->pass++;
	while (file && wq_proc_keys_next(file, on_line, x) > 0)
		;
	wq_proc_keys_close(file);
	x->not_before_ns = wq_now_ns() + SHARE * (wq_now_ns() - began);
}

/* ---- what it means ---- */

static void tell(struct expiry *x, const struct expiring *e, enum event_kind kind, long seconds)
{
	struct event event;

	event_of_key(&event, kind, (unsigned int)key_tree_id(x->tree, e->serial), e->serial, 0);
	event.seconds = seconds;
	x->event(x, &event);
}

/* Narrows what is known by what is seen now, or begins anew. */
static void note(struct expiring *e)
{
	if (!wq_expiry_differ(e->when, e->line.expiry)) {
		e->when = wq_expiry_both(e->when, e->line.expiry);
		return;
	}
	e->when = e->line.expiry;
	e->shown_lead = e->shown_end = false;
}

static void recheck(struct expiry *x, struct expiring *e, time_t now)
{
	if (e->line.expired) {
		if (!e->shown_end)
			tell(x, e, EVENT_EXPIRED, 0);
		e->shown_lead = e->shown_end = true;
		return;
	}
	note(e);
	if (x->lead < 0 || never(&e->when) || e->shown_lead || e->when.to - x->lead > now)
		return;
	e->shown_lead = true;
	tell(x, e, EVENT_EXPIRING, (long)(e->when.to > now ? e->when.to - now : 0));
}

/* How long it is until E has to be looked at again. What is known exactly is looked at when it
 * comes; else now and then, until the shown unit changes. */
static uint64_t pause_of(const struct expiry *x, const struct expiring *e, time_t now)
{
	time_t lead = x->lead < 0 || e->shown_lead ? 0 : x->lead;
	time_t early = e->when.from - lead - now;
	uint64_t pause = (uint64_t)(e->when.to - e->when.from) * WQ_NSEC_PER_SEC / 60;

	if (never(&e->when) || e->shown_end)
		return UINT64_MAX;
	if (early > 0)
		return (uint64_t)early * WQ_NSEC_PER_SEC;
	if (pause < PAUSE_MIN_NS)
		return PAUSE_MIN_NS;
	return pause > PAUSE_MAX_NS ? PAUSE_MAX_NS : pause;
}

static void read_at(struct expiry *x, uint64_t due)
{
	if (due < x->not_before_ns)
		due = x->not_before_ns;
	if (!x->timer.set || x->timer.due_ns > due)
		wq_timer_set(x->loop, &x->timer, due);
}

static void on_timer(struct wq_timer *timer)
{
	struct expiry *x = wq_container_of(timer, struct expiry, timer);
	struct expiring *e, *next;
	time_t now;

	read_all(x);
	read_at(x, wq_now_ns() + x->calm_ns);
	x->calm_ns = 2 * x->calm_ns < PAUSE_MAX_NS ? 2 * x->calm_ns : PAUSE_MAX_NS;
	now = time(NULL);
	HASH_ITER (hh, x->by_serial, e, next) {
		if (e->pass != x->pass) {
			drop(x, e);
			continue;
		}
		if (e->lines == 1 && e->line.known)
			recheck(x, e, now);
		if (pause_of(x, e, now) != UINT64_MAX)
			read_at(x, wq_now_ns() + pause_of(x, e, now));
	}
	if (x->read)
		x->read(x);
}

struct wq_expiry expiry_of(const struct expiry *x, int32_t serial)
{
	const struct expiring *e;

	HASH_FIND_INT(x->by_serial, &serial, e);
	return e ? e->when : wq_expiry_never;
}

/* ---- its life ---- */

static void read_soon(struct expiry *x)
{
	x->calm_ns = CALM_MIN_NS;
	read_at(x, wq_now_ns());
}

void expiry_start(struct expiry *x, struct wq_loop *loop, struct key_tree *tree)
{
	x->loop = loop;
	x->tree = tree;
	x->timer.fire = on_timer;
	read_soon(x);
}

void expiry_fini(struct expiry *x)
{
	struct expiring *e, *next;

	HASH_ITER (hh, x->by_serial, e, next)
		drop(x, e);
	if (x->loop)
		wq_timer_clear(x->loop, &x->timer);
}

/* Where kernel.keys.gc_delay is 0 nobody sees a key that has expired: it is destroyed at once.
 */
static void on_removal(struct expiry *x, int32_t serial)
{
	struct expiring *e;

	HASH_FIND_INT(x->by_serial, &serial, e);
	if (!e || e->shown_end || never(&e->when) || e->when.from > time(NULL))
		return;
	e->shown_lead = e->shown_end = true;
	tell(x, e, EVENT_EXPIRED, 0);
}

void expiry_event(struct expiry *x, const struct event *event)
{
	if (x->loop && event->view.kind == WQ_KIND_REMOVAL)
		on_removal(x, event->key);
	if (!x->loop || event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED)
		return;
	if (event->view.kind == WQ_KIND_LOSS ||
		(event->view.kind == WQ_KIND_KEY &&
			(event->aux || event->view.n.subtype == NOTIFY_KEY_SETATTR ||
				event->view.n.subtype == NOTIFY_KEY_UPDATED ||
				event->view.n.subtype == NOTIFY_KEY_INSTANTIATED)))
		read_soon(x);
}
