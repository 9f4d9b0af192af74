/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keys/gc_watch.h"

#define FIRST_NS (WQ_NSEC_PER_MSEC / 2)
/* At this distance between checks the keys clearly stay. */
#define LAST_NS (2 * WQ_NSEC_PER_SEC)

#define ASK_SHARE 0.1 /* the share of a core for checks while others use keys */

/* Longer than an RCU grace period on all but the busiest machines. */
#define PROBATION_NS WQ_NSEC_PER_SEC

#define DUE_EVERY_NS (20 * WQ_NSEC_PER_MSEC)
/* The kernel counts whole seconds; a key that stays longer clearly stays. */
#define DUE_S 1

#define DEFAULT_DELAY 300
#define DELAY_READ_NS \
	(10 * WQ_NSEC_PER_MSEC) /* reading it costs more than handling a timeout */

time_t wq_gc_delay(struct wq_gc_watch *gc)
{
	uint64_t now = wq_now_ns();
	char text[16] = "";

	if (gc->delay_fd < 0 || now < gc->delay_read_ns + DELAY_READ_NS)
		return gc->delay;
	gc->delay_read_ns = now;
	if (pread(gc->delay_fd, text, sizeof(text) - 1, 0) > 0)
		gc->delay = (time_t)strtoul(text, NULL, 10);
	return gc->delay;
}

/* Must we find the ends of keys? Yes if the source reports operations but not ends. If it
 * reports ends we check only when somebody asks for that. */
static bool must_find_ends(const struct wq_model *m)
{
	return wq_model_has_events(m) && !wq_model_has(m, WQ_SOURCE_ENDS);
}

/* KEY is destroyed if the kernel has no key of its number. */
static void check(struct wq_model *m, struct wq_key *key)
{
	if (!wq_key_reader_exists(m->reader, key->serial))
		wq_model_destroyed(key);
}

/* ---- soon ---- */

/* Plans the next check within the budget: checks take no more of a core than polling would. */
static void plan_check(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;
	uint64_t wait = (uint64_t)((double)gc->cost_ns / m->config.pace.cpu_budget);

	if (wait < gc->step_ns)
		wait = gc->step_ns;
	gc->due_ns = wq_now_ns() + wait;
	wq_timer_set(m->loop, &gc->timer, gc->due_ns);
}

void wq_gc_expedite(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;
	uint64_t due = gc->asked_ns + (uint64_t)((double)gc->cost_ns / ASK_SHARE);

	if (gc->timer.set && !gc->cursor.next && due < gc->timer.due_ns)
		wq_timer_set(m->loop, &gc->timer, due);
}

/* Does one slice of a check. */
static void check_slice(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;
	uint64_t until = wq_now_ns() + WQ_PIECE_NS;
	struct wq_key *key;

	/* a check takes a microsecond, or a thousand if we possess thousands of keyrings */
	while (wq_now_ns() < until && (key = wq_cursor_next(&gc->cursor)))
		check(m, key);
}

void wq_gc_on_timer(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;
	uint64_t began = wq_now_ns();

	if (!gc->cursor.next) {
		if (wq_model_has(m, WQ_SOURCE_ENDS))
			return;
		wq_cursor_begin(&m->registry, &gc->cursor);
		gc->cost_ns = 0;
	}
	check_slice(gc);
	gc->asked_ns = wq_now_ns();
	gc->cost_ns += gc->asked_ns - began;
	if (gc->cursor.next) {
		wq_timer_set(m->loop, &gc->timer, 0);
		return;
	}
	if (wq_model_has(m, WQ_SOURCE_ENDS))
		return;
	/* This check was early; the regular one is still due. */
	if (gc->asked_ns < gc->due_ns) {
		wq_timer_set(m->loop, &gc->timer, gc->due_ns);
		return;
	}
	gc->step_ns *= 2;
	if (gc->step_ns <= LAST_NS && !TAILQ_EMPTY(&m->registry.all))
		plan_check(gc);
}

void wq_gc_schedule(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;
	bool soon = gc->cursor.next || (gc->timer.set && gc->step_ns <= FIRST_NS);

	if (!must_find_ends(m) || TAILQ_EMPTY(&m->registry.all))
		return;
	gc->step_ns = FIRST_NS;
	if (!soon) /* else a check is under way or will begin */
		plan_check(gc);
}

void wq_gc_check_all(struct wq_gc_watch *gc)
{
	gc->cost_ns = 0;
	wq_cursor_begin(&gc->model->registry, &gc->cursor);
	if (gc->cursor.next)
		wq_timer_set(gc->model->loop, &gc->timer, 0);
}

/* ---- on probation ---- */

/* The kernel finds a key until an RCU grace period after its last unlinking. So a key may end
 * soon after it is watched because of an operation before that. This checks only the keys that
 * were watched a short time ago. */
void wq_gc_on_probation_timer(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;
	struct wq_key_list *list = &m->registry.probation;
	const struct wq_key *last = TAILQ_LAST(list, wq_key_list);
	uint64_t began = wq_now_ns(), now = began, wait;
	struct wq_key *key;
	bool more = true;

	if (wq_model_has(m, WQ_SOURCE_ENDS))
		return;
	while (more && (key = TAILQ_FIRST(list)) && now - began < WQ_PIECE_NS) {
		more = key != last;
		wq_registry_end_probation(&m->registry, key);
		/* Move it to the tail, so that all have their turn. */
		if (key->since_ns + PROBATION_NS >= began)
			wq_registry_put_on_probation(&m->registry, key);
		check(m, key);
		now = wq_now_ns();
	}
	wait = (uint64_t)((double)(now - began) / m->config.pace.cpu_budget);
	if (gc->probation_step_ns < PROBATION_NS / 10)
		gc->probation_step_ns *= 2;
	if (!TAILQ_EMPTY(list))
		wq_timer_set(m->loop, &gc->probation_timer,
			now + (wait > gc->probation_step_ns ? wait : gc->probation_step_ns));
}

void wq_gc_put_on_probation(struct wq_gc_watch *gc, struct wq_key *key)
{
	struct wq_model *m = gc->model;

	if (!must_find_ends(m))
		return;
	wq_registry_put_on_probation(&m->registry, key);
	gc->probation_step_ns = FIRST_NS;
	if (!gc->probation_timer.set)
		wq_timer_set(m->loop, &gc->probation_timer, wq_now_ns() + FIRST_NS);
}

/* ---- at a known time ---- */

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * WQ_NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Sets the timer for WHEN_NS of CLOCK_REALTIME, unless it is set for an earlier time. */
static void plan_due(struct wq_gc_watch *gc, uint64_t when_ns)
{
	struct wq_model *m = gc->model;
	uint64_t now = real_ns();
	/* if that time has passed, give the kernel some time */
	uint64_t due =
		wq_now_ns() + (when_ns > now + DUE_EVERY_NS ? when_ns - now : DUE_EVERY_NS);

	if (!gc->due_timer.set || due < gc->due_timer.due_ns)
		wq_timer_set(m->loop, &gc->due_timer, due);
}

static void plan_next_due(struct wq_gc_watch *gc)
{
	const struct wq_end *first = wq_ends_first(&gc->model->registry.ends);

	if (first && !wq_model_has(gc->model, WQ_SOURCE_ENDS))
		plan_due(gc, (uint64_t)first->at * WQ_NSEC_PER_SEC);
}

/* Checks the keys that are due until UNTIL_NS. A key that was checked has its next turn after
 * all others. */
static void ask_due(struct wq_gc_watch *gc, time_t now, uint64_t until_ns)
{
	struct wq_registry *registry = &gc->model->registry;
	const struct wq_key *last = TAILQ_LAST(&registry->due, wq_key_list);
	struct wq_key *key;
	bool more = true;

	while (more && (key = TAILQ_FIRST(&registry->due)) && wq_now_ns() < until_ns) {
		bool stays = now > key->end.at + DUE_S;

		more = key != last;
		wq_registry_asked(registry, key, !stays);
		if (stays)
			wq_gc_schedule(gc);
		check(gc->model, key);
	}
}

/* The kernel counts whole seconds, so it collects a key within a second after its time. Until
 * then we check the key again and again, for a share of the time. */
void wq_gc_on_due_timer(struct wq_gc_watch *gc)
{
	struct wq_registry *registry = &gc->model->registry;
	uint64_t began = wq_now_ns(), until = began + WQ_PIECE_NS, wait;
	time_t now = time(NULL);

	if (wq_model_has(gc->model, WQ_SOURCE_ENDS))
		return;
	while (wq_now_ns() < until && wq_registry_make_due(registry, now))
		;
	ask_due(gc, now, until);
	wait = (uint64_t)((double)(wq_now_ns() - began) / ASK_SHARE);
	if (!TAILQ_EMPTY(&registry->due))
		wq_timer_set(gc->model->loop, &gc->due_timer,
			began + (wait > DUE_EVERY_NS ? wait : DUE_EVERY_NS));
	plan_next_due(gc);
}

void wq_gc_expect_at(struct wq_gc_watch *gc, struct wq_key *key, time_t when)
{
	wq_registry_expect_end(&gc->model->registry, key, when);
	/* A timer that is left over from an earlier time finds nothing due, and sets itself
	 * again. */
	if (key->end.place && must_find_ends(gc->model))
		plan_due(gc, (uint64_t)when * WQ_NSEC_PER_SEC);
}

void wq_gc_start(struct wq_gc_watch *gc)
{
	wq_gc_schedule(gc);
	plan_next_due(gc);
}

void wq_gc_init(struct wq_gc_watch *gc, struct wq_model *model)
{
	gc->model = model;
	gc->delay = DEFAULT_DELAY;
	gc->delay_fd = open("/proc/sys/kernel/keys/gc_delay", O_RDONLY | O_CLOEXEC);
}

void wq_gc_fini(struct wq_gc_watch *gc)
{
	struct wq_model *m = gc->model;

	wq_timer_clear(m->loop, &gc->timer);
	wq_timer_clear(m->loop, &gc->due_timer);
	wq_timer_clear(m->loop, &gc->probation_timer);
	wq_cursor_end(&gc->cursor);
	if (gc->delay_fd >= 0)
		close(gc->delay_fd);
}
