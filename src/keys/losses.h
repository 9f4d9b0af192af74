/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LOSS for those who may have missed something. Which queues that are takes a walk over what is
 * watched: the user pays for it whose operation cannot be told, and who has used up its share
 * owes it. However many operations follow meanwhile, what they may have been on is gone through
 * once for all of them, when that user has a share again.
 */
#ifndef WQ_LOSSES_H
#define WQ_LOSSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/shares.h"
#include "keys/registry.h"

struct wq_owed;

typedef bool wq_loss_concerns(const struct wq_key *key, const void *arg);

/* Embedded in its owner, who sets the first three; the rest all zero but the timer's fire: none
 * is owed. */
struct wq_losses {
	struct wq_registry *registry;
	struct wq_loop *loop;
	struct wq_shares *inferring; /* what they are paid with */
	struct wq_timer timer; /* set while some are owed; the owner calls wq_losses_step() */
	struct wq_owed *first, *last;
	unsigned int n;
	uint64_t number; /* of the last one */
};

/* LOSS once in every queue that watches a keyring of which CONCERNS(key, ARG) is true. */
void wq_losses_tell(struct wq_losses *losses, wq_loss_concerns *concerns, const void *arg);

/* The same before long, for PAYER, who has no share left. SIZE bytes of ARG are copied: while
 * one with the same bytes is owed, this is one with it. */
void wq_losses_owe(struct wq_losses *losses, wq_loss_concerns *concerns, const void *arg,
	size_t size, uid_t payer);

/* LOSS once in every queue that watches anything, in slices. */
void wq_losses_tell_all(struct wq_losses *losses);

/* Goes on with what is owed, for a slice of time, and sets the timer. */
void wq_losses_step(struct wq_losses *losses);

/* Is nothing owed that was by the end of SCAN? */
bool wq_losses_are_settled(const struct wq_losses *losses, uint64_t scan);

/* Forgets what is owed. */
void wq_losses_fini(struct wq_losses *losses);

#endif
