/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records for thousands of queues. A post to few watches is made at once. Any other
 * continues in slices, in later turns of the loop, and all later posts wait behind it, so that
 * each queue gets its records in the order of the posts.
 */
#ifndef WQ_OUTBOX_H
#define WQ_OUTBOX_H

#include "base/loop.h"
#include "queue.h"

#define WQ_OUTBOX_MAX 1000

struct wq_sending;

/* Embedded in its owner. All zero, except the timer's fire: empty. */
struct wq_outbox {
	struct wq_loop *loop;
	/* Set while something waits; its callback calls wq_outbox_step(). */
	struct wq_timer timer;
	struct wq_sending *first, *last;
	unsigned int n;
	uint64_t number; /* of the last post */
};

/* Does wq_post(), now or in later turns. */
void wq_outbox_post(struct wq_outbox *outbox, struct wq_watch_list *wlist,
	const struct watch_notification *n, const struct wq_cred *who, uint64_t id,
	uint64_t at_ns);

/* Notes a LOSS in all queues that watch ID on WLIST, after the records that wait for them. */
void wq_outbox_lose(struct wq_outbox *outbox, struct wq_watch_list *wlist, uint64_t id);

/* Continues until UNTIL_NS. True: nothing is left. */
bool wq_outbox_step(struct wq_outbox *outbox, uint64_t until_ns);

/* Gives QUEUE what waits for it, before it loses a watch. */
void wq_outbox_send_first(struct wq_outbox *outbox, struct wq_queue *queue);

/* Has all been sent that was posted when outbox->number was NUMBER? */
bool wq_outbox_has_sent(const struct wq_outbox *outbox, uint64_t number);

static inline bool wq_outbox_empty(const struct wq_outbox *outbox)
{
	return !outbox->first;
}

/* Does so much wait that nothing should be scanned for more? */
static inline bool wq_outbox_full(const struct wq_outbox *outbox)
{
	return outbox->n >= WQ_OUTBOX_MAX;
}

/* Drops what waits. */
void wq_outbox_fini(struct wq_outbox *outbox);

#endif
