/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many of a thing each user has. Nothing is kept for a user who has none. */
#ifndef WQ_PER_USER_H
#define WQ_PER_USER_H

#include <stdint.h>
#include <sys/types.h>

struct wq_user_count;

/* Embedded in its owner. All zero: nobody has any; when nobody has any more it owns nothing. */
struct wq_per_user {
	struct wq_user_count *by_uid;
};

#define WQ_PER_USER_UNLIMITED UINT64_MAX

/* One more for UID. 0, -EDQUOT: it has LIMIT or more, -ENOMEM; where it is not 0 nothing has
 * changed. */
int wq_per_user_charge(struct wq_per_user *counts, uid_t uid, uint64_t limit);

uint64_t wq_per_user_count(const struct wq_per_user *counts, uid_t uid);

/* One less for UID, who was charged for it. */
void wq_per_user_uncharge(struct wq_per_user *counts, uid_t uid);

#endif
