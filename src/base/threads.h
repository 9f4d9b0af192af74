/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over all threads of the machine. */
#ifndef WQ_THREADS_H
#define WQ_THREADS_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

/* A walk over /proc. Embedded in its owner. All zero: no walk is under way. */
struct wq_threads {
	DIR *processes;
	DIR *threads; /* of the current process */
};

/* Begins a walk, or begins again if one is under way. False: /proc cannot be read. */
bool wq_threads_begin(struct wq_threads *w);

/* The next thread; 0: the walk has ended. It may miss threads that begin meanwhile. */
pid_t wq_threads_next(struct wq_threads *w);

/* Ends the walk, if one is under way. */
void wq_threads_end(struct wq_threads *w);

#endif
