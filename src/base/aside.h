/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work that can take long, or wait for what may never come, done in a thread of its own beside
 * the loop. The thread shares nothing with the loop but this struct and what it is embedded in.
 */
#ifndef WQ_ASIDE_H
#define WQ_ASIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/loop.h"

struct wq_aside {
	void (*work)(struct wq_aside *aside); /* in the thread */
	void (*ended)(
		struct wq_aside *aside); /* the loop calls this when work() has returned */
	void (*dispose)(struct wq_aside *aside); /* frees what this is embedded in */
	/* the rest belongs to aside.c */
	struct wq_loop *loop;
	struct wq_loop_fd end; /* readable: the work has ended */
	bool is_awaited;       /* the loop watches that */
	pthread_t thread;
	atomic_int state;
};

/* Begins the work of ASIDE, whose three functions the caller has set. 0; or -errno, and ASIDE
 * is still the caller's to free. */
int wq_aside_begin(struct wq_aside *aside, struct wq_loop *loop);

/* The loop does not call ended() any more. ASIDE, whose work may be under way, is still to be
 * disposed of by wq_aside_end(), which does not use the loop then. */
void wq_aside_ignore(struct wq_aside *aside);

/* For work(): has the loop lost interest? */
bool wq_aside_is_left(const struct wq_aside *aside);

/* Disposes of ASIDE, whose work has begun. If it has not come to an end this waits for that,
 * but for no more than WAIT_MS (-1: however long that takes); then the thread goes on by
 * itself, and disposes of ASIDE at its end. */
void wq_aside_end(struct wq_aside *aside, int wait_ms);

#endif
