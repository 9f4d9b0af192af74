/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/container.h"
#include "base/thread.h"
#include "base/unused.h"
#include "sources/starting.h"

#define LAST_WAIT_MS 500

/* Who frees it: the owner while it is under way or has ended, the thread once it is left. */
enum state {
	UNDER_WAY,
	ENDED,
	LEFT,
};

struct wq_starting {
	const struct wq_source_type *const *types;
	struct wq_source_env env; /* its pointers are for the sources, which only keep them */
	struct wq_source *old;	  /* to be stopped first; or NULL */
	struct wq_loop_fd end;	  /* readable: it has ended */
	bool is_awaited;	  /* the loop watches that */
	void (*ended)(void *arg);
	void *arg;
	pthread_t thread;
	atomic_int state;
	atomic_uint at;
	struct wq_started result;
};

static void dispose(struct wq_starting *s)
{
	if (s->result.source)
		s->result.source->type->stop(s->result.source);
	close(s->end.fd);
	free(s);
}

static void *run(void *arg)
{
	struct wq_starting *s = arg;
	struct wq_started *r = &s->result;

	(void)wq_caps_raise(); /* of this thread alone */
	if (s->old)
		s->old->type->stop(s->old);
	for (unsigned int i = 0; !r->source && s->types[i] && atomic_load(&s->state) != LEFT;
		i++) {
		atomic_store(&s->at, i);
		r->number = i;
		r->source = s->types[i]->start(&s->env, r->why_not[i], WQ_WHY_MAX);
	}
	if (atomic_exchange(&s->state, ENDED) == LEFT)
		dispose(s);
	else
		eventfd_write(s->end.fd, 1);
	return NULL;
}

static void stop_waiting(struct wq_starting *s)
{
	if (s->is_awaited)
		wq_loop_del(s->env.loop, &s->end);
	s->is_awaited = false;
}

static void on_end(struct wq_loop_fd *fd, uint32_t events WQ_UNUSED)
{
	struct wq_starting *s = wq_container_of(fd, struct wq_starting, end);

	stop_waiting(s);
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
	s->types = types;
	s->env = *env;
	s->old = old;
	s->ended = ended;
	s->arg = arg;
	s->end.ready = on_end;
	s->end.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = s->end.fd < 0 ? -errno : wq_loop_add(env->loop, &s->end, EPOLLIN);
	s->is_awaited = r == 0;
	if (r == 0)
		r = wq_thread_begin(&s->thread, run, s);
	if (r == 0)
		return s;
	stop_waiting(s);
	if (s->end.fd >= 0)
		close(s->end.fd);
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
	struct wq_started r;

	(void)atomic_load(&s->state); /* the thread has set it after the result */
	r = s->result;
	s->result.source = NULL;
	return r;
}

void wq_starting_free(struct wq_starting *s)
{
	struct pollfd end = {.fd = s->end.fd, .events = POLLIN};
	const pthread_t thread = s->thread; /* which may free S once it is left */

	stop_waiting(s);
	poll(&end, 1, LAST_WAIT_MS);
	if (atomic_exchange(&s->state, LEFT) == UNDER_WAY) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	dispose(s);
}
