/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queues that nobody uses any more, and whose watches are still to be released. A queue may
 * have thousands of them, so they are released in slices, for which the user pays whose queue
 * it was. As in the kernel, a watch counts against its user until it is released.
 */
#ifndef WQ_CLOSING_H
#define WQ_CLOSING_H

#include "base/loop.h"
#include "base/shares.h"
#include "base/trim.h"
#include "queue.h"

struct wq_closing_queue;

/* Embedded in its owner. All zero but LOOP: there are no such queues. */
struct wq_closing {
	struct wq_loop *loop;
	struct wq_timer timer; /* set while there are some */
	TAILQ_HEAD(wq_closing_list, wq_closing_queue) queues;
	struct wq_shares shares;
	struct wq_trim trim; /* of the memory of queues */
};

void wq_closing_init(struct wq_closing *closing, struct wq_loop *loop);

/* Takes over the caller's reference to QUEUE, which nobody uses any more: closes it, and
 * releases its watches, a few of them now. UID pays for the rest. Without memory all are
 * released now. */
void wq_closing_add(struct wq_closing *closing, struct wq_queue *queue, uid_t uid);

/* UID has too many watches: releases some of those that only wait for UID to have time left, if
 * there are any. Takes no longer than a slice of time. False: there are none. */
bool wq_closing_hurry(struct wq_closing *closing, uid_t uid);

/* Releases everything. */
void wq_closing_fini(struct wq_closing *closing);

#endif
