/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that a queue consists of know of it: queue.c, and posting.c, which walks the
 * watches of an object. */
#ifndef WQ_QUEUE_INSIDE_H
#define WQ_QUEUE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "queue/watches.h"
#include "record/ring.h"

struct wq_filter;
struct wq_queue_ops;

struct wq_queue {
	const struct wq_queue_ops *ops;
	void *owner;
	unsigned int refs;
	bool sized; /* by the user, so that it cannot be changed any more */
	bool closed;
	struct wq_watches watches;

	struct wq_ring ring;
	const uint32_t *max_size;
	struct wq_filter *filter; /* or NULL */

	struct timespec mtime;
	uint64_t loss_number; /* of the last numbered loss */
	uint64_t posted, read, lost, refused, losses;
};

/* The queue of W, if it may get a record by W; or NULL. */
static inline struct wq_queue *wq_watch_open_queue(const struct wq_watch *w)
{
	return w->queue && !w->queue->closed ? w->queue : NULL;
}

/* May N, which WHO caused, enter Q, which watches by W? The hook may remove W. */
bool wq_queue_may_enter(struct wq_queue *q, const struct wq_watch *w, const struct wq_cred *who,
	const struct watch_notification *n);

/* The kernel's post_one_notification(), for a change at AT_NS. */
void wq_queue_enter(struct wq_queue *q, const struct wq_slot *slot, uint64_t at_ns);

/* Does what wq_queue_note_loss() does, unless Q has noted a loss of that NUMBER (1 and up)
 * before, so that it is one loss for all of its watches. */
void wq_queue_note_one_loss(struct wq_queue *q, uint64_t number);

#endif
