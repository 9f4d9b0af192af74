/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records on their way to thousands of queues. A post to few watches is made at once; one that
 * takes longer than a slice is continued in later turns of the loop, and whatever is posted
 * until it has ended waits behind it: each queue gets its records in the order of the posts.
 */
#ifndef WQ_OUTBOX_H
#define WQ_OUTBOX_H

#include "base/loop.h"
#include "queue.h"

#define WQ_OUTBOX_MAX 1000

struct wq_sending;

/* Embedded in its owner; all zero but the timer's fire is an empty one. */
struct wq_outbox {
	struct wq_loop *loop;
	struct wq_timer timer; /* set while something waits; the owner calls wq_outbox_step() */
	struct wq_sending *first, *last;
	unsigned int n;
	uint64_t number; /* of the last post */
};

/* wq_post(), now or in later turns. */
void wq_outbox_post(struct wq_outbox *outbox, struct wq_watch_list *wlist,
	const struct watch_notification *n, const struct wq_cred *who, uint64_t id,
	uint64_t at_ns);

/* Continues until UNTIL_NS. True: nothing waits any more. */
bool wq_outbox_step(struct wq_outbox *outbox, uint64_t until_ns);

/* Gives QUEUE, before it loses a watch, what waits for it. */
void wq_outbox_send_first(struct wq_outbox *outbox, struct wq_queue *queue);

/* Does nothing wait any more of what had been posted when outbox->number was NUMBER? */
bool wq_outbox_has_sent(const struct wq_outbox *outbox, uint64_t number);

static inline bool wq_outbox_empty(const struct wq_outbox *outbox)
{
	return !outbox->first;
}

/* Does so much wait that nothing is to be looked for that would add to it? */
static inline bool wq_outbox_full(const struct wq_outbox *outbox)
{
	return outbox->n >= WQ_OUTBOX_MAX;
}

/* Drops what waits. */
void wq_outbox_fini(struct wq_outbox *outbox);

#endif
