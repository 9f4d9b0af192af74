/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/aside.h"
#include "base/caps.h"
#include "base/clock.h"
#include "base/container.h"
#include "sources/attachment.h"
#include "sources/key_hooks.h"

#define LAST_WAIT_MS 500

struct wq_attaching {
	struct wq_aside aside;
	struct wq_attachment *attachment; /* for the loop alone */
	struct wq_hooks *hooks;
	bool attaches; /* or detaches */
	bool closes;   /* nobody else will close the hooks */
	int result;
};

static void work(struct wq_aside *aside)
{
	struct wq_attaching *w = wq_container_of(aside, struct wq_attaching, aside);

	(void)wq_caps_raise(); /* of this thread alone */
	if (w->attaches)
		w->result = wq_hooks_attach(w->hooks);
	else
		wq_hooks_detach(w->hooks);
}

static void dispose(struct wq_aside *aside)
{
	struct wq_attaching *w = wq_container_of(aside, struct wq_attaching, aside);

	if (w->closes)
		wq_hooks_close(w->hooks);
	free(w);
}

static void begin(struct wq_attachment *a, bool attaches);

/* Attaching or detaching has come to an end. */
static void on_end(struct wq_aside *aside)
{
	struct wq_attaching *w = wq_container_of(aside, struct wq_attaching, aside);
	struct wq_attachment *a = w->attachment;
	const bool attached = w->attaches && w->result == 0;

	a->under_way = NULL;
	a->state = attached ? WQ_ATTACHED : WQ_DETACHED;
	if (w->attaches)
		a->error = w->result;
	wq_aside_end(aside, -1);
	if (a->is_wanted && !attached && !a->error) /* somebody has come meanwhile */
		begin(a, true);
	if (a->state == WQ_ATTACHED)
		wq_attachment_rest_later(a);
	if (!a->is_wanted || a->under_way)
		return;
	a->is_wanted = false;
	a->ask_again(a->arg);
}

/* Does it at once, since there can be no thread. */
static void do_here(struct wq_attachment *a, bool attaches)
{
	const uint64_t effective = wq_caps_raise();

	if (attaches)
		a->error = wq_hooks_attach(a->hooks);
	else
		wq_hooks_detach(a->hooks);
	wq_caps_restore(effective);
	a->state = attaches && !a->error ? WQ_ATTACHED : WQ_DETACHED;
}

static void begin(struct wq_attachment *a, bool attaches)
{
	struct wq_attaching *w = calloc(1, sizeof(*w));

	if (w) {
		w->aside = (struct wq_aside){.work = work, .ended = on_end, .dispose = dispose};
		w->attachment = a;
		w->hooks = a->hooks;
		w->attaches = attaches;
	}
	if (!w || wq_aside_begin(&w->aside, a->loop) < 0) {
		free(w);
		do_here(a, attaches);
		return;
	}
	a->under_way = w;
	a->state = attaches ? WQ_ATTACHING : WQ_DETACHING;
}

static void on_rest_timer(struct wq_timer *timer)
{
	struct wq_attachment *a = wq_container_of(timer, struct wq_attachment, rest_timer);

	if (a->state == WQ_ATTACHED && !wq_hooks_are_on(a->hooks))
		begin(a, false);
}

void wq_attachment_begin(struct wq_attachment *a, struct wq_hooks *hooks, uint64_t rest_ns,
	struct wq_loop *loop, void (*ask_again)(void *arg), void *arg)
{
	*a = (struct wq_attachment){.hooks = hooks,
		.rest_ns = rest_ns,
		.loop = loop,
		.ask_again = ask_again,
		.arg = arg,
		.state = WQ_ATTACHED,
		.rest_timer = {.fire = on_rest_timer}};
	wq_attachment_rest_later(a);
}

/* May the same be possible later? Then it is one watch that fails, and not the source. */
static bool is_for_now(int err)
{
	return err == -ENOMEM || err == -ENOSPC;
}

int wq_attachment_want(struct wq_attachment *a)
{
	if (a->state == WQ_DETACHED && !a->error)
		begin(a, true);
	if (a->state == WQ_ATTACHED)
		return 0;
	if (a->error) {
		const int r = a->error;

		if (is_for_now(r))
			a->error = 0; /* the next one may have more luck */
		return r;
	}
	a->is_wanted = true;
	return -EALREADY;
}

bool wq_attachment_stands(const struct wq_attachment *a)
{
	return a->state == WQ_ATTACHED;
}

void wq_attachment_rest_later(struct wq_attachment *a)
{
	if (a->loop)
		wq_timer_set(a->loop, &a->rest_timer, wq_now_ns() + a->rest_ns);
}

void wq_attachment_leave(struct wq_attachment *a)
{
	if (!a->loop)
		return;
	wq_timer_clear(a->loop, &a->rest_timer);
	if (a->under_way)
		wq_aside_ignore(&a->under_way->aside);
	a->loop = NULL;
}

void wq_attachment_close(struct wq_attachment *a)
{
	struct wq_attaching *w = a->under_way;

	if (w) {
		w->closes = true;
		wq_aside_end(&w->aside, LAST_WAIT_MS);
	} else {
		wq_hooks_close(a->hooks);
	}
	a->under_way = NULL;
}
