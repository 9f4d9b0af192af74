/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LOSS for those who may have missed something. To find their queues takes a walk over the
 * watched keyrings, for which the user pays whose operation cannot be attributed to a keyring.
 * If that user has no share left, the LOSS is owed. One walk then serves all operations of the
 * user that follow, when the user has a share again.
 */
#ifndef WQ_LOSSES_H
#define WQ_LOSSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/shares.h"
#include "keys/registry.h"

typedef bool wq_loss_concerns(const struct wq_key *key, const void *arg);

/* Changes ARG so that it concerns all that it concerned, and more, and has the same bytes as
 * others that were changed. */
typedef void wq_loss_widen(void *arg);

/* A LOSS that is owed. */
struct wq_owed {
	wq_loss_concerns *concerns; /* NULL: everybody */
	uid_t payer;		    /* unless it is for everybody */
	uint64_t number;	    /* a queue that has this number has the LOSS */
	uint64_t found_scan;	    /* as for a deferred difference */
	bool walking;
	bool again;		     /* there was another one since the walk began, */
	uint64_t again_scan;	     /* and this was its found_scan */
	bool at_zombies;	     /* it has come to them */
	struct wq_key_cursor cursor; /* how far the walk is */
	struct wq_posting posting;   /* to the watches of one key; list NULL: of none */
	bool listed;
	struct wq_owed *next;
	size_t size;
	void *arg; /* in the same allocation */
};

/* Embedded in its owner, who sets the first three fields. All other fields zero, except the
 * timer's fire: no LOSS is owed. */
struct wq_losses {
	struct wq_registry *registry;
	struct wq_loop *loop;
	struct wq_shares *inferring; /* what they are paid with */
	/* Set while some are owed; its callback calls wq_losses_step(). */
	struct wq_timer timer;
	struct wq_owed *first, *last;
	unsigned int n;
	struct wq_owed everybodys; /* which needs no memory, so that it can always be owed */
	uint64_t number;	   /* of the last LOSS */
};

/* Posts LOSS once to every queue that watches a keyring for which CONCERNS(key, ARG) is true.
 * False: UNTIL_NS (CLOCK_MONOTONIC) has come before all of them had it. */
bool wq_losses_post(struct wq_losses *losses, wq_loss_concerns *concerns, const void *arg,
	uint64_t until_ns);

/* Does the same before long and in slices, for which PAYER pays. Copies SIZE bytes of ARG. If a
 * LOSS with the same bytes is owed already, this one is merged with it. If PAYER has many
 * different ones they are merged after WIDEN; if all users together have very many, or there is
 * no memory, it is owed to everybody. */
void wq_losses_owe(struct wq_losses *losses, wq_loss_concerns *concerns, const void *arg,
	size_t size, uid_t payer, wq_loss_widen *widen);

/* Posts LOSS once to every queue that watches anything, in slices. */
void wq_losses_post_all(struct wq_losses *losses);

/* Continues with what is owed, for a slice of time, and sets the timer. */
void wq_losses_step(struct wq_losses *losses);

/* Has all been posted that was owed by the end of SCAN? */
bool wq_losses_are_settled(const struct wq_losses *losses, uint64_t scan);

/* Drops what is owed. */
void wq_losses_fini(struct wq_losses *losses);

#endif
