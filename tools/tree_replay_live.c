/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/container.h"
#include "base/escape.h"
#include "base/start.h"
#include "replay.h"
#include "stop_signals.h"
#include "tree_recorded.h"
#include "tree_replay.h"
#include "tree_screen.h"
#include "wqctl.h"

/* So long it shows events in one turn of the loop. */
#define SLICE_NS (20 * WQ_NSEC_PER_MSEC)

struct replayed {
	struct tree_screen screen;
	struct stop_signals stop;
	struct recording r;
	struct wq_timer due; /* when the event that was read is to be shown */
	bool paced;
	int more; /* what recording_next() has returned */
	struct timespec last;
	char names[256];
	int status;
};

/* ---- events ---- */

static void stop(struct replayed *p, int status)
{
	p->status = p->more < 0 && status == WQCTL_OK ? WQCTL_FAILURE : status;
	wq_loop_stop(p->screen.loop);
}

static void say_end(struct replayed *p)
{
	size_t len = strlen(p->screen.last);

	snprintf(p->screen.last + len, sizeof(p->screen.last) - len, "%s(end of the recording)",
		len ? "  " : "");
	tree_screen_draw_soon(&p->screen);
}

/* Reads the next event, which is to be shown after a while, or at once. */
static void read_next(struct replayed *p)
{
	uint64_t pause_ns = 0;

	p->more = recording_next(&p->r);
	if (p->more <= 0) {
		say_end(p);
		return;
	}
	if (p->paced)
		pause_ns = replay_pause_ns(&p->last, &p->r.event.record.when);
	wq_timer_set(p->screen.loop, &p->due, wq_now_ns() + pause_ns);
}

static void show_one(struct replayed *p)
{
	wq_timer_clear(p->screen.loop, &p->due);
	p->last = p->r.event.record.when;
	p->screen.view.now = p->last.tv_sec;
	tree_screen_event(&p->screen, &p->r.event, EVENT_CLOCK_UTC);
	read_next(p);
}

static void on_due(struct wq_timer *timer)
{
	struct replayed *p = wq_container_of(timer, struct replayed, due);
	const uint64_t end_ns = wq_now_ns() + SLICE_NS;

	do
		show_one(p);
	while (p->more > 0 && p->due.due_ns <= wq_now_ns() && wq_now_ns() < end_ns);
}

static void on_next(struct tree_screen *s)
{
	struct replayed *p = wq_container_of(s, struct replayed, screen);

	if (p->more > 0)
		show_one(p);
}

/* ---- the end ---- */

static void on_stop(struct tree_screen *s, int status)
{
	stop(wq_container_of(s, struct replayed, screen), status);
}

static void on_signal(struct stop_signals *s, int sig)
{
	stop(wq_container_of(s, struct replayed, stop),
		sig == SIGINT || sig == SIGTERM ? WQCTL_OK : 128 + sig);
}

static void on_leave(struct stop_signals *s)
{
	tree_screen_abandon(&wq_container_of(s, struct replayed, stop)->screen);
}

static bool heed_signals(struct replayed *p)
{
	int err;

	sigemptyset(&p->stop.set);
	wq_start_heed(&p->stop.set, SIGINT);
	wq_start_heed(&p->stop.set, SIGTERM);
	tree_screen_heed(&p->stop.set);
	p->stop.came = on_signal;
	p->stop.leave = on_leave;
	err = stop_signals_listen_in(&p->stop, p->screen.loop);
	if (err)
		fprintf(stderr, "wqctl: %s\n", strerror(-err));
	return !err;
}

/* ---- its life ---- */

static int show(struct replayed *p)
{
	struct tree_screen *s = &p->screen;
	int err;

	if (!heed_signals(p) || !tree_screen_start(s))
		return WQCTL_FAILURE;
	snprintf(s->last, sizeof(s->last),
		"q quits, n goes on to what is next, arrows, PgUp, PgDn, Home and End scroll");
	read_next(p);
	err = wq_loop_run(s->loop);
	if (err)
		fprintf(stderr, "wqctl: %s\n", strerror(-err));
	wq_timer_clear(s->loop, &p->due);
	return err ? WQCTL_FAILURE : p->status;
}

static int open_screen(struct replayed *p)
{
	int status;

	if (!tree_screen_open(&p->screen))
		return WQCTL_FAILURE;
	status = show(p);
	tree_screen_leave(&p->screen);
	stop_signals_end(&p->stop);
	tree_screen_close(&p->screen);
	return status;
}

static void put(FILE *out, const json_t *text)
{
	const char *string = json_string_value(text);

	if (string)
		wq_escape(out, string, strlen(string), false);
}

/* "@s @u on HOST" */
static void name_keys(struct replayed *p)
{
	FILE *out = fmemopen(p->names, sizeof(p->names), "w");
	const json_t *name;
	size_t i;

	if (!out)
		return;
	json_array_foreach(json_object_get(p->r.header, "keys"), i, name)
	{
		put(out, name);
		putc(' ', out);
	}
	fputs("on ", out);
	put(out, json_object_get(p->r.header, "host"));
	fclose(out);
	p->names[sizeof(p->names) - 1] = '\0';
}

int tree_replay_live(const char *path, bool paced, uint64_t hold_ns)
{
	struct replayed p = {.paced = paced, .due.fire = on_due};
	int status = WQCTL_FAILURE;

	p.screen.stop = on_stop;
	p.screen.next = on_next;
	if (!tree_screen_can_show())
		return WQCTL_FAILURE;
	p.screen.loop = wq_loop_new();
	if (!p.screen.loop) {
		fprintf(stderr, "wqctl: %s\n", strerror(errno));
		return WQCTL_FAILURE;
	}
	tree_screen_init(&p.screen, p.names);
	if (tree_recorded_open(&p.screen.model, hold_ns, &p.r, path, &p.screen.view.now)) {
		name_keys(&p);
		status = open_screen(&p);
		recording_close(&p.r);
		tree_model_fini(&p.screen.model);
	}
	tree_screen_fini(&p.screen);
	wq_loop_free(p.screen.loop);
	return status;
}
