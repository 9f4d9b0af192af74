/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signals that ask the process to end. Its loop is told of them; but while the loop waits
 * for a daemon that does not answer, or for a terminal that takes nothing, only a thread can
 * see to it that the process ends all the same.
 */
#ifndef WQ_STOP_SIGNALS_H
#define WQ_STOP_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/loop.h"

/* By value in its owner, who empties the set with sigemptyset() and then calls
 * wq_start_heed(). */
struct stop_signals {
	sigset_t set;
	int fd; /* can be read when one of the set has come */
	/* Is called in the thread right before it ends the process. May not block, and may use
	 * nothing that another thread may change. May be NULL. */
	void (*leave)(struct stop_signals *s);
	/* SIG has come: see stop_signals_listen_in(). */
	void (*came)(struct stop_signals *s, int sig);
	struct wq_loop_fd in_loop;
	pthread_t thread;
	bool listening;
};

/* From now on the signals of the set, which are blocked, make S->fd readable. Two seconds after
 * the first one the process exits, with 128 plus its number and without writing out anything,
 * unless stop_signals_end() comes before. 0 or -errno. */
int stop_signals_listen(struct stop_signals *s);

/* The same, and LOOP calls S->came() then. */
int stop_signals_listen_in(struct stop_signals *s, struct wq_loop *loop);

/* The signal that has come; 0: none has. Does not block. */
int stop_signals_get(struct stop_signals *s);

/* The process takes its own time to end. The signals stay blocked. Does nothing if S does not
 * listen. */
void stop_signals_end(struct stop_signals *s);

#endif
