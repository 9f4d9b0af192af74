/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys in the order in which they will be collected: a heap. */
#ifndef WQ_ENDS_H
#define WQ_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Embedded in the key; all zero: not in the heap. */
struct wq_end {
	time_t at;
	size_t place; /* in the heap, from 1 on */
};

/* Embedded in its owner; all zero: empty. Owns no wq_end. */
struct wq_ends {
	struct wq_end **heap;
	size_t n, cap;
};

/* END is at AT, which is another time perhaps than it was. 0; -ENOMEM: END is not in it. */
int wq_ends_set(struct wq_ends *ends, struct wq_end *end, time_t at);

/* END, in it or not, is in it no longer. */
void wq_ends_remove(struct wq_ends *ends, struct wq_end *end);

/* The first, or NULL. */
struct wq_end *wq_ends_first(const struct wq_ends *ends);

/* Frees the heap, which is empty afterwards. */
void wq_ends_fini(struct wq_ends *ends);

#endif
