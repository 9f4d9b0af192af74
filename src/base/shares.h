/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each user's share of the loop: what is done for one is paid by that one, so that whoever
 * floods us waits, or gets the cheaper answer, and nobody else notices.
 */
#ifndef WQ_SHARES_H
#define WQ_SHARES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/budget.h"

#define WQ_SHARES 64 /* users that are told apart at the same time */

/* All users together: who has many uids (/etc/subuid) has no more than a few shares by it. */
#define WQ_SHARES_ALL_NS (5 * WQ_BUDGET_NS)

/* Embedded in its owner; all zero: nobody has used any. */
struct wq_shares {
	struct wq_share {
		bool used;
		uid_t uid;
		struct wq_budget budget;
	} share[WQ_SHARES];
	struct wq_budget others; /* those for whom there is no room, as one */
	struct wq_budget all;
};

/* Has UID some left at NOW_NS of CLOCK_MONOTONIC? What is begun then may end over it. Whoever
 * is not known shares with all others of whom that is true: (uid_t)-1. */
bool wq_shares_left(struct wq_shares *shares, uid_t uid, uint64_t now_ns);

/* UID, of whom it has just been asked, has used NS. */
void wq_shares_spend(struct wq_shares *shares, uid_t uid, uint64_t ns);

/* Something that is paid for. */
struct wq_work {
	struct wq_shares *shares;
	uid_t uid;
	uint64_t began_ns; /* of its CPU time */
};

/* Begins WORK, which UID pays for with its share of SHARES, until wq_work_end(). False: there
 * is none left, nothing was begun. */
bool wq_work_begin(struct wq_work *work, struct wq_shares *shares, uid_t uid);
void wq_work_end(const struct wq_work *work);

#endif
