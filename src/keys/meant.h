/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keyrings somebody can have meant by the number of a special one. Pure.
 */
#ifndef WQ_MEANT_H
#define WQ_MEANT_H

#include "base/ids.h"
#include "base/task.h"
#include "keys/access.h"

/* Who did it, as far as that is known. */
struct wq_actor {
	bool known; /* else it may be anybody, and the rest says nothing */
	struct wq_task task;
	bool may_have_changed; /* its real user may be any of its users by now */
	/* It may be of these as well: users of its own user namespace. */
	struct wq_uid_range mapped;
	/* Who had its session when that began not to be known, as far as that is known itself;
	 * or NULL. */
	const struct wq_ids *origin;
	/* Its real user as its own user namespace numbers it, and names that user's keyrings;
	 * WQ_UID_UNKNOWN: that was not asked, so any name may be theirs. */
	uid_t inner_uid;
};

/* Can A have meant the key S by ID, a special keyring's number or 0 for any, when it did what
 * takes one of RIGHTS? A user's keyrings belong to that user and bear its number; a thread's,
 * a process's and a session's belong to whoever made them, which A was itself, unless it could
 * join the session of another, or comes from who did. Root may have entered anybody's, if it
 * was root when it entered it. A session that was left to another user with nothing but the
 * possessor's rights is not thought of. */
bool wq_may_mean(
	const struct wq_actor *a, int32_t id, uint8_t rights, const struct wq_key_state *s);

#endif
