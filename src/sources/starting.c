/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/aside.h"
#include "base/caps.h"
#include "base/container.h"
#include "sources/starting.h"

#define LAST_WAIT_MS 500

struct wq_starting {
	struct wq_aside aside;
	const struct wq_source_type *const *types;
	struct wq_source_env env; /* its pointers are for the sources, which only keep them */
	struct wq_source *old;	  /* to be stopped first; or NULL */
	void (*ended)(void *arg);
	void *arg;
	atomic_uint at;
	struct wq_started result;
};

static struct wq_starting *starting_of(struct wq_aside *aside)
{
	return wq_container_of(aside, struct wq_starting, aside);
}

static void dispose(struct wq_aside *aside)
{
	struct wq_starting *s = starting_of(aside);

	if (s->result.source)
		s->result.source->type->stop(s->result.source);
	free(s);
}

static void work(struct wq_aside *aside)
{
	struct wq_starting *s = starting_of(aside);
	struct wq_started *r = &s->result;

	(void)wq_caps_raise(); /* of this thread alone */
	if (s->old)
		s->old->type->stop(s->old);
	for (unsigned int i = 0; !r->source && s->types[i] && !wq_aside_is_left(aside); i++) {
		atomic_store(&s->at, i);
		r->number = i;
		r->source = s->types[i]->start(&s->env, r->why_not[i], WQ_WHY_MAX);
	}
}

static void on_end(struct wq_aside *aside)
{
	struct wq_starting *s = starting_of(aside);

	s->ended(s->arg);
}

struct wq_starting *wq_starting_new(const struct wq_source_type *const *types,
	const struct wq_source_env *env, struct wq_source *old, void (*ended)(void *arg),
	void *arg)
{
	struct wq_starting *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return NULL;
	s->aside.work = work;
	s->aside.ended = on_end;
	s->aside.dispose = dispose;
	s->types = types;
	s->env = *env;
	s->old = old;
	s->ended = ended;
	s->arg = arg;
	r = wq_aside_begin(&s->aside, env->loop);
	if (r == 0)
		return s;
	free(s);
	errno = -r;
	return NULL;
}

unsigned int wq_starting_at(const struct wq_starting *s)
{
	return atomic_load(&s->at);
}

struct wq_started wq_starting_take(struct wq_starting *s)
{
	struct wq_started r = s->result;

	s->result.source = NULL;
	return r;
}

void wq_starting_free(struct wq_starting *s)
{
	wq_aside_end(&s->aside, LAST_WAIT_MS);
}
