/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/caps.h"
#include "base/clock.h"
#include "base/container.h"
#include "base/log.h"
#include "sources/supervisor.h"

/* The time between attempts to start a source: each is twice as long as the last. */
#define RETRY_FIRST_NS WQ_NSEC_PER_SEC
#define RETRY_LAST_NS  (60 * RETRY_FIRST_NS)

#define EITHER (WQ_SOURCE_OPERATIONS | WQ_SOURCE_CHANGES) /* a source has one of them */

static void leave(struct wq_source *source)
{
	if (source->type->leave)
		source->type->leave(source);
}

/* Begins with SOURCE, which has started. False, with a reason at WHY: that is not possible. */
static bool begin(struct wq_source *source, char *why)
{
	int r = source->type->begin ? source->type->begin(source) : 0;

	if (r < 0)
		snprintf(why, WQ_WHY_MAX, "it cannot be put into use: %s", strerror(-r));
	return r >= 0;
}

/* SOURCE, which has begun, is not to be used. It is still to be stopped. */
static void reject(struct wq_supervisor *s, struct wq_source *source)
{
	leave(source);
	wq_event_order_fini(s->env.events);
}

/* Tells TAKING a piece of what is watched, and then puts it into use. -EAGAIN: there is more to
 * tell; below 0: it cannot be used, for which there is a reason, and is still to be stopped. */
static int take(struct wq_supervisor *s)
{
	struct wq_source *source = s->taking;
	const bool must_be_told = source->type->watch && s->env.sink.begun;
	int r = must_be_told ? s->env.sink.begun(s->env.sink.arg, source) : 0;

	if (r == -EAGAIN)
		return r;
	s->taking = NULL;
	if (r < 0) {
		snprintf(s->why_not[s->number], WQ_WHY_MAX,
			"it cannot watch the keys that are watched: %s", strerror(-r));
		reject(s, source);
		return r;
	}
	s->source = source;
	s->was_used = true;
	s->retry_ns = s->wait_ns = 0;
	return 0;
}

/* Uses SOURCE, candidate I, if it has started and can watch what is watched. Unless that is to
 * be known AT_ONCE, TAKING is set if there is more to tell it. False: it cannot be used, and is
 * still to be stopped. */
static bool use(struct wq_supervisor *s, unsigned int i, struct wq_source *source, bool at_once)
{
	int r;

	s->number = i;
	if (!begin(source, s->why_not[i])) {
		reject(s, source);
		return false;
	}
	s->taking = source;
	do
		r = take(s);
	while (r == -EAGAIN && at_once);
	return r == 0 || r == -EAGAIN;
}

/* Starts the first candidate from I on that works, in this thread; see use(). */
static void start_from(struct wq_supervisor *s, unsigned int i, bool at_once)
{
	const uint64_t effective = wq_caps_raise();

	for (; !s->source && !s->taking && s->types[i]; i++) {
		struct wq_source *source;

		s->why_not[i][0] = '\0';
		source = s->types[i]->start(&s->env, s->why_not[i], WQ_WHY_MAX);
		s->number = i;
		if (source && !use(s, i, source, at_once))
			source->type->stop(source);
	}
	wq_caps_restore(effective);
}

bool wq_supervisor_start(struct wq_supervisor *s)
{
	assert(!s->source && !s->starting && !s->taking);
	s->died = false;
	start_from(s, 0, true);
	return s->source != NULL;
}

static void plan_retry(struct wq_supervisor *s, uint64_t now_ns)
{
	uint64_t wait = s->wait_ns ? s->wait_ns * 2 : RETRY_FIRST_NS;

	s->wait_ns = wait < RETRY_LAST_NS ? wait : RETRY_LAST_NS;
	s->retry_ns = now_ns + s->wait_ns;
}

/* One is in use, or none works, unless one is still being started or told what is watched. */
static void decide(struct wq_supervisor *s)
{
	if (s->starting)
		return;
	if (s->taking) {
		wq_timer_set(s->env.loop, &s->take_timer, 0);
		return;
	}
	if (!s->source && s->was_used)
		plan_retry(s, wq_now_ns());
	s->env.sink.decided(s->env.sink.arg);
}

static void on_started(void *arg);

/* Starts the first candidate from I on that works, in a thread, after OLD, which is not in use
 * any more and may be NULL, was stopped there. False: there can be no thread, or it is not
 * wanted. */
static bool start_apart(struct wq_supervisor *s, unsigned int i, struct wq_source *old)
{
	s->died = false;
	s->first = i;
	if (s->env.sink.decided && s->types[0])
		s->starting = wq_starting_new(s->types + i, &s->env, old, on_started, s);
	return s->starting != NULL;
}

/* SOURCE cannot be used: the next candidate that works is. */
static void start_next(struct wq_supervisor *s, struct wq_source *source)
{
	if (start_apart(s, s->number + 1, source))
		return;
	source->type->stop(source);
	start_from(s, s->number + 1, false);
}

static void on_take_timer(struct wq_timer *timer)
{
	struct wq_supervisor *s = wq_container_of(timer, struct wq_supervisor, take_timer);
	struct wq_source *source = s->taking;
	int r = take(s);

	if (r < 0 && r != -EAGAIN)
		start_next(s, source);
	decide(s);
}

static void on_started(void *arg)
{
	struct wq_supervisor *s = arg;
	const struct wq_started started = wq_starting_take(s->starting);

	wq_starting_free(s->starting);
	s->starting = NULL;
	memcpy(s->why_not + s->first, started.why_not,
		(WQ_SOURCES_MAX - s->first) * sizeof(s->why_not[0]));
	s->number = s->first + started.number;
	if (started.source && !use(s, s->number, started.source, false))
		start_next(s, started.source);
	decide(s);
}

void wq_supervisor_init(struct wq_supervisor *s, const struct wq_source_type *const *types,
	const struct wq_source_env *env)
{
	*s = (struct wq_supervisor){
		.types = types, .env = *env, .take_timer = {.fire = on_take_timer}};
	for (unsigned int i = 0; types[i]; i++)
		assert(i < WQ_SOURCES_MAX && (types[i]->capabilities & EITHER) != EITHER);
}

/* Is the first candidate that may start one that takes long? */
static bool takes_long(const struct wq_supervisor *s)
{
	char why[WQ_WHY_MAX];
	unsigned int i = 0;

	while (s->types[i] && s->types[i]->may_start &&
		!s->types[i]->may_start(why, sizeof(why)))
		i++;
	return s->types[i] && s->types[i]->may_start;
}

/* The trace is not begun in a thread: it learns whose session is whose only by what is done
 * after it has begun, and that should be all that is done after the mount answers. */
bool wq_supervisor_begin(struct wq_supervisor *s)
{
	const uint64_t effective = wq_caps_raise();
	const bool is_apart = takes_long(s) && start_apart(s, 0, NULL);

	wq_caps_restore(effective);
	if (!is_apart)
		wq_supervisor_start(s);
	return is_apart;
}

const char *wq_supervisor_starting(const struct wq_supervisor *s)
{
	if (s->taking)
		return s->taking->type->name;
	if (!s->starting || !s->types[s->first])
		return NULL;
	return s->types[s->first + wq_starting_at(s->starting)]->name;
}

/* The source in use, which is not in use from now on. */
static struct wq_source *put_out_of_use(struct wq_supervisor *s)
{
	struct wq_source *source = s->source;

	if (source)
		leave(source);
	s->source = NULL;
	wq_event_order_fini(s->env.events);
	return source;
}

void wq_supervisor_stop(struct wq_supervisor *s)
{
	struct wq_source *source;

	if (s->starting)
		wq_starting_free(s->starting);
	s->starting = NULL;
	if (s->taking) {
		wq_timer_clear(s->env.loop, &s->take_timer);
		reject(s, s->taking);
		s->taking->type->stop(s->taking);
		s->taking = NULL;
	}
	source = put_out_of_use(s);
	if (source)
		source->type->stop(source);
}

bool wq_supervisor_has(const struct wq_supervisor *s, unsigned int capabilities)
{
	return s->source && s->source->type->capabilities & capabilities;
}

bool wq_supervisor_has_events(const struct wq_supervisor *s)
{
	return wq_supervisor_has(s, WQ_SOURCE_OPERATIONS | WQ_SOURCE_CHANGES);
}

int wq_supervisor_watch(struct wq_supervisor *s, int32_t serial)
{
	int r;

	if (!s->source || s->died || !s->source->type->watch)
		return 0;
	r = s->source->type->watch(s->source, serial);
	if (r == 0 || r == -ENOSPC || r == -ENOMEM || r == -EALREADY)
		return r;
	wq_supervisor_died(s, strerror(-r));
	return 0;
}

void wq_supervisor_unwatch(struct wq_supervisor *s, int32_t serial)
{
	struct wq_source *source = s->taking ? s->taking : s->source;

	if (source && !s->died && source->type->unwatch)
		source->type->unwatch(source, serial);
}

uint8_t wq_supervisor_rights(
	struct wq_supervisor *s, const struct wq_caller *caller, int32_t serial)
{
	uint8_t rights = 0;
	int r;

	if (!s->source || s->died || !s->source->type->rights)
		return 0;
	r = s->source->type->rights(s->source, caller, serial, &rights);
	if (r < 0)
		wq_log(WQ_LOG_DEBUG, "key %d: which rights thread %d has is not known: %s",
			serial, caller->pid, strerror(-r));
	return r < 0 ? 0 : rights;
}

void wq_supervisor_ask_occasions(struct wq_supervisor *s)
{
	if (s->source && s->source->type->ask_occasions)
		s->source->type->ask_occasions(s->source);
}

bool wq_supervisor_ask_renewed(struct wq_supervisor *s)
{
	return s->source && s->source->type->ask_renewed &&
	       s->source->type->ask_renewed(s->source);
}

void wq_supervisor_died(struct wq_supervisor *s, const char *why)
{
	s->died = true;
	snprintf(s->why_not[s->number], WQ_WHY_MAX, "%s", why);
}

static enum wq_supervision retry(struct wq_supervisor *s, uint64_t now_ns)
{
	if (!s->retry_ns || now_ns < s->retry_ns || start_apart(s, 0, NULL))
		return WQ_SUPERVISOR_SAME;
	if (wq_supervisor_start(s))
		return WQ_SUPERVISOR_BACK;
	plan_retry(s, now_ns);
	return WQ_SUPERVISOR_SAME;
}

enum wq_supervision wq_supervisor_check(
	struct wq_supervisor *s, uint64_t now_ns, void (*stopped)(void *arg))
{
	struct wq_source *old;

	if (s->starting || s->taking)
		return WQ_SUPERVISOR_SAME;
	if (!s->source)
		return retry(s, now_ns);
	if (!s->died && s->source->type->alive(s->source))
		return WQ_SUPERVISOR_SAME;
	old = put_out_of_use(s);
	if (stopped)
		stopped(s->env.sink.arg);
	if (start_apart(s, 0, old))
		return WQ_SUPERVISOR_DIED;
	old->type->stop(old);
	if (wq_supervisor_start(s))
		return WQ_SUPERVISOR_REPLACED;
	plan_retry(s, now_ns);
	return WQ_SUPERVISOR_NONE;
}

const char *wq_supervisor_name(const struct wq_supervisor *s)
{
	return s->source ? s->source->type->name : WQ_SOURCE_POLL;
}

/* Candidate I is no better than the one in use, or there is no candidate I. While one is being
 * started nothing is known of any. */
static bool is_end_of_better(const struct wq_supervisor *s, unsigned int i)
{
	return !s->types[i] || s->starting || s->taking || (s->source && i == s->number);
}

const char *wq_supervisor_why_not(struct wq_supervisor *s)
{
	const char *separator = "";
	size_t n = 0;

	s->text[0] = '\0';
	for (unsigned int i = 0; !is_end_of_better(s, i); i++) {
		bool shared = !is_end_of_better(s, i + 1) &&
			      !strcmp(s->why_not[i], s->why_not[i + 1]);

		n += (size_t)snprintf(s->text + n, sizeof(s->text) - n, "%s%s%s%s", separator,
			s->types[i]->name, shared ? "" : ": ", shared ? "" : s->why_not[i]);
		separator = shared ? ", " : "; ";
	}
	assert(n < sizeof(s->text));
	return s->text;
}
