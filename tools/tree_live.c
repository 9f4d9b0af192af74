/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events mark what has changed in the model, and the screen is drawn soon after, once for all
 * of them. Nothing is drawn, and nothing read, while nothing happens; but a time that is left,
 * and a change that is highlighted, has an end that a timer waits for.
 */
#include "tree_live.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "base/start.h"
#include "base/unused.h"
#include "event_out.h"
#include "expiry.h"
#include "tree_view.h"
#include "watcher.h"
#include "wqctl.h"

/* So much time passes between two drawings, and four times as long as a drawing takes. */
#define PAUSE_NS (40 * WQ_NSEC_PER_MSEC)
#define SHARE	 4

#define TEXT_MAX 256

struct live {
	struct watcher w;
	struct expiry expiry;
	struct tree_model model;
	struct tree_view view;
	struct wq_loop_fd keyboard, signals;
	struct wq_timer draw;
	uint64_t not_before_ns;
	char last[TEXT_MAX]; /* what has happened last */
};

static struct live *of(struct watcher *w)
{
	return wq_container_of(w, struct live, w);
}

static void draw_at(struct live *live, uint64_t due_ns)
{
	if (due_ns < live->not_before_ns)
		due_ns = live->not_before_ns;
	if (!live->draw.set || live->draw.due_ns > due_ns)
		wq_timer_set(live->w.loop, &live->draw, due_ns);
}

static void draw_soon(struct live *live)
{
	draw_at(live, wq_now_ns());
}

/* ---- drawing ---- */

/* When something is to be drawn again, though nothing happens. */
static void plan(struct live *live)
{
	time_t now = time(NULL);

	if (live->model.next_ns)
		draw_at(live, live->model.next_ns);
	if (live->view.next_second > now)
		draw_at(live, wq_now_ns() + (uint64_t)(live->view.next_second - now) *
						    WQ_NSEC_PER_SEC);
}

static void on_draw(struct wq_timer *timer)
{
	struct live *live = wq_container_of(timer, struct live, draw);
	const uint64_t began = wq_now_ns();
	uint64_t took;

	if (!tree_model_read(&live->model, began))
		snprintf(live->last, sizeof(live->last), "%s", strerror(ENOMEM));
	tree_model_list(&live->model, began);
	tree_view_draw(&live->view);
	took = wq_now_ns() - began;
	live->not_before_ns = wq_now_ns() + (SHARE * took > PAUSE_NS ? SHARE * took : PAUSE_NS);
	plan(live);
}

/* ---- events ---- */

static void put_last(FILE *out, const struct event *event)
{
	static const struct event_style style = {
		.format = WQFS_FORMAT_TEXT, .clock = EVENT_CLOCK_NONE};

	event_print(out, event, &style);
}

static void on_event(struct watcher *w, const struct event *event)
{
	struct live *live = of(w);
	char *text = event_text(put_last, event);

	if (text)
		snprintf(
			live->last, sizeof(live->last), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	if (event->view.kind == WQ_KIND_LOSS)
		live->view.losses++;
	else if (event->kind == EVENT_RECORD)
		live->view.records++;
	expiry_event(&live->expiry, event);
	tree_model_event(&live->model, event, wq_now_ns());
	draw_soon(live);
}

static void on_expiry(struct expiry *x, struct event *event)
{
	watcher_pass_on(&wq_container_of(x, struct live, expiry)->w, event);
}

static void on_expiries_read(struct expiry *x)
{
	draw_soon(wq_container_of(x, struct live, expiry));
}

/* ---- the keyboard ---- */

static void on_key(struct live *live, enum screen_key key)
{
	if (key == SCREEN_QUIT) {
		watcher_stop(&live->w, WQCTL_OK);
		return;
	}
	if (key == SCREEN_REDRAW) {
		live->model.all_unread = true;
		screen_resume(live->view.screen);
	} else if (!tree_view_scroll(&live->view, key)) {
		return;
	}
	live->not_before_ns = 0; /* who types waits */
	draw_soon(live);
}

static void on_keyboard(struct wq_loop_fd *watched, uint32_t events)
{
	struct live *live = wq_container_of(watched, struct live, keyboard);
	enum screen_key key;

	if (events & (EPOLLHUP | EPOLLERR)) {
		watcher_stop(&live->w, WQCTL_FAILURE);
		return;
	}
	while (!live->w.stopped && (key = screen_key(live->view.screen)) != SCREEN_NO_KEY)
		on_key(live, key);
}

/* ---- signals ---- */

static void on_signal(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct live *live = wq_container_of(watched, struct live, signals);
	struct signalfd_siginfo info = {0};

	if (read(watched->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP)
		screen_suspend(live->view.screen);
	else if (info.ssi_signo == SIGCONT)
		screen_resume(live->view.screen);
	else
		screen_resize(live->view.screen);
	draw_soon(live);
}

/* The watcher listens to those that end us. 0 or -errno. */
static int listen_to_signals(struct live *live)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	wq_start_heed(&set, SIGTSTP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	live->signals.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (live->signals.fd < 0)
		return -errno;
	live->signals.ready = on_signal;
	return wq_loop_add(live->w.loop, &live->signals, EPOLLIN);
}

static int listen_to_keyboard(struct live *live)
{
	live->keyboard = (struct wq_loop_fd){.fd = STDIN_FILENO, .ready = on_keyboard};
	return wq_loop_add(live->w.loop, &live->keyboard, EPOLLIN);
}

/* ---- its life ---- */

/* Adds the roots in the order in which they were named. */
static bool add_roots(struct live *live)
{
	struct tree_key *key, *next;

	HASH_ITER (hh, live->w.tree.graph.by_serial, key, next)
		if (key->root && !tree_model_add_root(&live->model, key->serial)) {
			fprintf(stderr, "wqctl: %s\n", strerror(ENOMEM));
			return false;
		}
	return true;
}

static bool complain_of_screen(const char *why)
{
	fprintf(stderr, "wqctl: --live: %s\n", why);
	return false;
}

/* This is asked first, so that nothing else is done in vain. */
static bool can_show(void)
{
	const char *why = screen_lacks();

	return !why || complain_of_screen(why);
}

static bool open_screen(struct live *live)
{
	const char *why;

	live->view.screen = screen_open(event_wants_colour(stdout), &why);
	return live->view.screen || complain_of_screen(why);
}

static void leave(struct stop_signals *stop)
{
	screen_abandon(wq_container_of(stop, struct live, w.stop)->view.screen);
}

static bool heed_stop_signals(struct live *live)
{
	live->w.stop.leave = leave;
	wq_start_heed(&live->w.stop.set, SIGHUP);
	wq_start_heed(&live->w.stop.set, SIGQUIT);
	return watcher_heed_signals(&live->w);
}

static int show(struct live *live)
{
	int err, status;

	if (!heed_stop_signals(live))
		return WQCTL_FAILURE;
	err = listen_to_signals(live);
	if (!err)
		err = listen_to_keyboard(live);
	if (err) {
		fprintf(stderr, "wqctl: %s\n", strerror(-err));
		return WQCTL_FAILURE;
	}
	snprintf(live->last, sizeof(live->last),
		"q quits, arrows, PgUp, PgDn, Home and End scroll");
	expiry_start(&live->expiry, live->w.loop, &live->w.tree);
	draw_soon(live);
	status = watcher_run(&live->w);
	wq_timer_clear(live->w.loop, &live->draw);
	expiry_fini(&live->expiry);
	return status;
}

static int watch(struct live *live, char *const *keys)
{
	int status = WQCTL_FAILURE;

	watcher_raise_limit();
	if (!watcher_add_all(&live->w, keys) || !add_roots(live))
		return WQCTL_FAILURE;
	if (!open_screen(live))
		return WQCTL_FAILURE;
	status = show(live);
	screen_leave(live->view.screen); /* this may block, too */
	watcher_heed_none(&live->w);
	screen_close(live->view.screen);
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
	struct live live = {.w.event = on_event, .signals.fd = -1};
	char *names = join(keys);
	int status = WQCTL_FAILURE;

	live.view = (struct tree_view){
		.model = &live.model,
		.watched = &live.w.tree,
		.expiry = &live.expiry,
		.names = names ? names : "",
		.last = live.last,
	};
	live.draw.fire = on_draw;
	live.expiry.lead = -1;
	live.expiry.event = on_expiry;
	live.expiry.read = on_expiries_read;
	tree_model_init(&live.model, o->mount, o->hold_ns);
	if (can_show() && watcher_open(&live.w, o->mount, true)) {
		status = watch(&live, keys);
		watcher_close(&live.w);
	}
	tree_model_fini(&live.model);
	if (live.signals.fd >= 0)
		close(live.signals.fd);
	free(names);
	return status;
}
