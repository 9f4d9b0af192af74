/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree of keys on the terminal, whoever tells it of events: it draws the model soon after
 * they came, heeds the keyboard, and gives the terminal back.
 */
#ifndef WQ_TREE_SCREEN_H
#define WQ_TREE_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "event_time.h"
#include "tree_model.h"
#include "tree_view.h"

#define TREE_LAST_MAX 256

/* By value in its owner, who sets the loop and the functions, initializes the model and ends
 * it, and calls tree_screen_init(). */
struct tree_screen {
	struct wq_loop *loop;
	struct tree_model model;
	struct tree_view view;
	char last[TREE_LAST_MAX]; /* what has happened last */

	/* The user quits (WQCTL_OK), or the terminal has gone. */
	void (*stop)(struct tree_screen *s, int status);
	/* The key for what comes next was typed. May be NULL. */
	void (*next)(struct tree_screen *s);

	struct wq_loop_fd keyboard, signals;
	struct wq_timer draw;
	uint64_t not_before_ns;
};

/* NAMES are those of the keys that were asked for, and stay the caller's. */
void tree_screen_init(struct tree_screen *s, const char *names);
void tree_screen_fini(struct tree_screen *s);

/* Can it be shown here? False after an error message. To be asked first, so that nothing else
 * is done in vain. */
bool tree_screen_can_show(void);

/* Takes the terminal. False after an error message. */
bool tree_screen_open(struct tree_screen *s);

/* Adds to SET the signals that end a tree besides SIGINT and SIGTERM. */
void tree_screen_heed(sigset_t *set);

/* From now on it draws, in the loop. False after an error message. */
bool tree_screen_start(struct tree_screen *s);

/* Draws no more, and gives the terminal back, which may block. */
void tree_screen_leave(struct tree_screen *s);

/* Gives the terminal back, in another thread than all else: see screen_abandon(). */
void tree_screen_abandon(struct tree_screen *s);

/* After tree_screen_leave(), and when no other thread can call tree_screen_abandon(). */
void tree_screen_close(struct tree_screen *s);

/* EVENT has happened: it is counted, and shown soon, as what has happened last by the clock
 * CLOCK. */
void tree_screen_event(
	struct tree_screen *s, const struct event *event, enum event_clock clock);

/* Something else has changed. */
void tree_screen_draw_soon(struct tree_screen *s);

#endif
