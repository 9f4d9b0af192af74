/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events mark what has changed in the model, and the screen is drawn soon after, once for all
 * of them. Nothing is drawn, and nothing read, while nothing happens; but a time that is left,
 * and a change that is highlighted, has an end that a timer waits for.
 */
#include "tree_screen.h"

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
#include "wqctl.h"

/* So much time passes between two drawings, and four times as long as a drawing takes. */
#define PAUSE_NS (40 * WQ_NSEC_PER_MSEC)
#define SHARE	 4

/* ---- drawing ---- */

static void draw_at(struct tree_screen *s, uint64_t due_ns)
{
	if (due_ns < s->not_before_ns)
		due_ns = s->not_before_ns;
	if (!s->draw.set || s->draw.due_ns > due_ns)
		wq_timer_set(s->loop, &s->draw, due_ns);
}

void tree_screen_draw_soon(struct tree_screen *s)
{
	draw_at(s, wq_now_ns());
}

/* When something is to be drawn again, though nothing happens. */
static void plan(struct tree_screen *s)
{
	time_t now = time(NULL);

	if (s->model.next_ns)
		draw_at(s, s->model.next_ns);
	if (s->view.next_second > now)
		draw_at(s,
			wq_now_ns() + (uint64_t)(s->view.next_second - now) * WQ_NSEC_PER_SEC);
}

static void on_draw(struct wq_timer *timer)
{
	struct tree_screen *s = wq_container_of(timer, struct tree_screen, draw);
	const uint64_t began = wq_now_ns();
	uint64_t took;

	if (!tree_model_read(&s->model, began))
		snprintf(s->last, sizeof(s->last), "%s", strerror(ENOMEM));
	tree_model_list(&s->model, began);
	tree_view_draw(&s->view);
	took = wq_now_ns() - began;
	s->not_before_ns = wq_now_ns() + (SHARE * took > PAUSE_NS ? SHARE * took : PAUSE_NS);
	plan(s);
}

/* ---- events ---- */

static void set_last(
	struct tree_screen *s, const struct event *event, const struct event_style *style)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	event_print(out, event, style);
	if (fclose(out) == 0)
		snprintf(s->last, sizeof(s->last), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
}

void tree_screen_event(struct tree_screen *s, const struct event *event, enum event_clock clock)
{
	const struct event_style style = {.format = WQFS_FORMAT_TEXT, .clock = clock};

	set_last(s, event, &style);
	if (event->view.kind == WQ_KIND_LOSS)
		s->view.losses++;
	else if (event->kind == EVENT_RECORD)
		s->view.records++;
	tree_model_event(&s->model, event, wq_now_ns());
	tree_screen_draw_soon(s);
}

/* ---- the keyboard ---- */

static void on_key(struct tree_screen *s, enum screen_key key)
{
	if (key == SCREEN_QUIT) {
		s->stop(s, WQCTL_OK);
		return;
	}
	if (key == SCREEN_NEXT && s->next) {
		s->next(s);
	} else if (key == SCREEN_REDRAW) {
		s->model.all_unread = true;
		screen_resume(s->view.screen);
	} else if (!tree_view_scroll(&s->view, key)) {
		return;
	}
	s->not_before_ns = 0; /* who types waits */
	tree_screen_draw_soon(s);
}

static void on_keyboard(struct wq_loop_fd *watched, uint32_t events)
{
	struct tree_screen *s = wq_container_of(watched, struct tree_screen, keyboard);
	enum screen_key key;

	if (events & (EPOLLHUP | EPOLLERR)) {
		s->stop(s, WQCTL_FAILURE);
		return;
	}
	do {
		key = screen_key(s->view.screen);
		on_key(s, key);
	} while (key != SCREEN_NO_KEY && key != SCREEN_QUIT);
}

/* ---- signals ---- */

static void on_signal(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct tree_screen *s = wq_container_of(watched, struct tree_screen, signals);
	struct signalfd_siginfo info = {0};

	if (read(watched->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP)
		screen_suspend(s->view.screen);
	else if (info.ssi_signo == SIGCONT)
		screen_resume(s->view.screen);
	else
		screen_resize(s->view.screen);
	tree_screen_draw_soon(s);
}

/* The owner listens to those that end us. 0 or -errno. */
static int listen_to_signals(struct tree_screen *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	wq_start_heed(&set, SIGTSTP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->signals.fd < 0)
		return -errno;
	s->signals.ready = on_signal;
	return wq_loop_add(s->loop, &s->signals, EPOLLIN);
}

static int listen_to_keyboard(struct tree_screen *s)
{
	s->keyboard = (struct wq_loop_fd){.fd = STDIN_FILENO, .ready = on_keyboard};
	return wq_loop_add(s->loop, &s->keyboard, EPOLLIN);
}

/* ---- its life ---- */

static bool complain(const char *why)
{
	fprintf(stderr, "wqctl: --live: %s\n", why);
	return false;
}

bool tree_screen_can_show(void)
{
	const char *why = screen_lacks();

	return !why || complain(why);
}

void tree_screen_init(struct tree_screen *s, const char *names)
{
	s->signals.fd = -1;
	s->draw.fire = on_draw;
	s->view = (struct tree_view){.model = &s->model, .names = names, .last = s->last};
}

void tree_screen_fini(struct tree_screen *s)
{
	if (s->signals.fd >= 0)
		close(s->signals.fd);
}

bool tree_screen_open(struct tree_screen *s)
{
	const char *why;

	s->view.screen = screen_open(event_wants_colour(stdout), &why);
	return s->view.screen || complain(why);
}

bool tree_screen_start(struct tree_screen *s)
{
	int err = listen_to_signals(s);

	if (!err)
		err = listen_to_keyboard(s);
	if (err)
		fprintf(stderr, "wqctl: %s\n", strerror(-err));
	else
		tree_screen_draw_soon(s);
	return !err;
}

void tree_screen_heed(sigset_t *set)
{
	wq_start_heed(set, SIGHUP);
	wq_start_heed(set, SIGQUIT);
}

void tree_screen_abandon(struct tree_screen *s)
{
	screen_abandon(s->view.screen);
}

void tree_screen_leave(struct tree_screen *s)
{
	wq_timer_clear(s->loop, &s->draw);
	screen_leave(s->view.screen);
}

void tree_screen_close(struct tree_screen *s)
{
	screen_close(s->view.screen);
}
