/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each user's share of the loop's time. A user pays for the work that is done for him or her,
 * so that whoever floods the daemon waits, or gets a cheaper answer, and nobody else notices.
 */
#ifndef WQ_SHARES_H
#define WQ_SHARES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/budget.h"

#define WQ_SHARES 64 /* users that are told apart at one time */

/* The limit of all users together: a user with many uids (/etc/subuid) gains no more than a few
 * shares by them. */
#define WQ_SHARES_ALL_NS (5 * WQ_BUDGET_NS)

/* Embedded in its owner. All zero: nobody has used any time. */
struct wq_shares {
	struct wq_share {
		bool used;
		uid_t uid;
		struct wq_budget budget;
	} share[WQ_SHARES];
	struct wq_budget others; /* one share for all users who have no place */
	struct wq_budget all;
};

/* Has UID time left at NOW_NS of CLOCK_MONOTONIC? Work that begins then may exceed the share.
 * UID (uid_t)-1 stands for all users who are not known, who share one share. */
bool wq_shares_left(struct wq_shares *shares, uid_t uid, uint64_t now_ns);

/* UID, for whom the caller has just called wq_shares_left(), has used NS. */
void wq_shares_spend(struct wq_shares *shares, uid_t uid, uint64_t ns);

/* Work that a user pays for. */
struct wq_work {
	struct wq_shares *shares;
	uid_t uid;
	uint64_t began_ns; /* in CPU time */
};

/* Begins WORK, for which UID pays from SHARES until wq_work_end(). False: UID has no time left,
 * and nothing has begun. */
bool wq_work_begin(struct wq_work *work, struct wq_shares *shares, uid_t uid);
void wq_work_end(const struct wq_work *work);

#endif
