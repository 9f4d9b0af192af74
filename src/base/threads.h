/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All threads that there are, one after the other. */
#ifndef WQ_THREADS_H
#define WQ_THREADS_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

/* A walk over /proc. Embedded in its owner; all zero: none is under way. */
struct wq_threads {
	DIR *processes;
	DIR *threads; /* of the process at hand */
};

/* Begins a walk, anew if one is under way. False: /proc cannot be read. */
bool wq_threads_begin(struct wq_threads *w);

/* The next thread; 0: that was all, and the walk has ended. One that begins meanwhile may be
 * passed over. */
pid_t wq_threads_next(struct wq_threads *w);

/* Ends the walk, if one is under way. */
void wq_threads_end(struct wq_threads *w);

#endif
