/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree_live.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "expiry.h"
#include "tree_screen.h"
#include "watcher.h"
#include "wqctl.h"

struct live {
	struct watcher w;
	struct expiry expiry;
	struct tree_screen screen;
};

/* ---- events ---- */

static void on_event(struct watcher *w, const struct event *event)
{
	struct live *live = wq_container_of(w, struct live, w);

	expiry_event(&live->expiry, event);
	tree_screen_event(&live->screen, event, EVENT_CLOCK_NONE);
}

static void on_expiry(struct expiry *x, struct event *event)
{
	watcher_pass_on(&wq_container_of(x, struct live, expiry)->w, event);
}

static void on_expiries_read(struct expiry *x)
{
	tree_screen_draw_soon(&wq_container_of(x, struct live, expiry)->screen);
}

static void on_stop(struct tree_screen *s, int status)
{
	watcher_stop(&wq_container_of(s, struct live, screen)->w, status);
}

static void on_leave(struct stop_signals *stop)
{
	tree_screen_abandon(&wq_container_of(stop, struct live, w.stop)->screen);
}

/* ---- its life ---- */

/* Adds the roots in the order in which they were named. */
static bool add_roots(struct live *live)
{
	struct tree_key *key, *next;

	HASH_ITER (hh, live->w.tree.graph.by_serial, key, next)
		if (key->root && !tree_model_add_root(&live->screen.model, key->serial)) {
			fprintf(stderr, "wqctl: %s\n", strerror(ENOMEM));
			return false;
		}
	return true;
}

static int show(struct live *live)
{
	struct tree_screen *s = &live->screen;
	int status;

	live->w.stop.leave = on_leave;
	tree_screen_heed(&live->w.stop.set);
	if (!watcher_heed_signals(&live->w) || !tree_screen_start(s))
		return WQCTL_FAILURE;
	snprintf(s->last, sizeof(s->last), "q quits, arrows, PgUp, PgDn, Home and End scroll");
	expiry_start(&live->expiry, live->w.loop, &live->w.tree);
	status = watcher_run(&live->w);
	expiry_fini(&live->expiry);
	return status;
}

static int watch(struct live *live, char *const *keys)
{
	int status = WQCTL_FAILURE;

	watcher_raise_limit();
	if (!watcher_add_all(&live->w, keys) || !add_roots(live))
		return WQCTL_FAILURE;
	if (!tree_screen_open(&live->screen))
		return WQCTL_FAILURE;
	status = show(live);
	tree_screen_leave(&live->screen); /* this may block, too */
	watcher_heed_none(&live->w);
	tree_screen_close(&live->screen);
	return status;
}

/* KEYS in one line, which the caller frees. */
static char *join(char *const *keys)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (!*keys)
		fputs("@s @u", out);
	for (; *keys; keys++)
		fprintf(out, "%s ", *keys);
	fclose(out);
	return text;
}

int tree_live_run(const struct tree_live_options *o, char *const *keys)
{
	struct live live = {.w.event = on_event, .screen.stop = on_stop};
	char *names = join(keys);
	int status = WQCTL_FAILURE;

	live.expiry.lead = -1;
	live.expiry.event = on_expiry;
	live.expiry.read = on_expiries_read;
	tree_model_init(&live.screen.model, o->mount, o->hold_ns);
	tree_screen_init(&live.screen, names ? names : "");
	live.screen.view.watched = &live.w.tree;
	live.screen.view.expiry = &live.expiry;
	if (tree_screen_can_show() && watcher_open(&live.w, o->mount, true)) {
		live.screen.loop = live.w.loop;
		status = watch(&live, keys);
		watcher_close(&live.w);
	}
	tree_screen_fini(&live.screen);
	tree_model_fini(&live.screen.model);
	free(names);
	return status;
}
