/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts how many of a thing each user has. Takes no memory for a user who has none. */
#ifndef WQ_PER_USER_H
#define WQ_PER_USER_H

#include <stdint.h>
#include <sys/types.h>

struct wq_user_count;

/* Embedded in its owner. All zero: nobody has any. It owns no memory once all counts are 0. */
struct wq_per_user {
	struct wq_user_count *by_uid;
};

#define WQ_PER_USER_UNLIMITED UINT64_MAX

/* Adds one for UID. 0; -EDQUOT: UID has LIMIT or more; -ENOMEM. Nothing changes on error. */
int wq_per_user_charge(struct wq_per_user *counts, uid_t uid, uint64_t limit);

uint64_t wq_per_user_count(const struct wq_per_user *counts, uid_t uid);

/* Takes away one that UID was charged for. */
void wq_per_user_uncharge(struct wq_per_user *counts, uid_t uid);

#endif
