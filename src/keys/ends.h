/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A heap of keys, sorted by the time at which the kernel will collect them. */
#ifndef WQ_ENDS_H
#define WQ_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Embedded in the key; all zero: not in the heap. */
struct wq_end {
	time_t at;
	size_t place; /* in the heap, counted from 1 */
};

/* Embedded in its owner. All zero: empty. Owns no wq_end. */
struct wq_ends {
	struct wq_end **heap;
	size_t n, cap;
};

/* Adds END at time AT, or moves it there. 0; -ENOMEM: END is not in the heap. */
int wq_ends_set(struct wq_ends *ends, struct wq_end *end, time_t at);

/* Takes END out of the heap, if it is in it. */
void wq_ends_remove(struct wq_ends *ends, struct wq_end *end);

/* The earliest, or NULL. */
struct wq_end *wq_ends_first(const struct wq_ends *ends);

/* Frees the heap and makes it empty. */
void wq_ends_fini(struct wq_ends *ends);

#endif
