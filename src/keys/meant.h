/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keyrings a process can have meant by the number of a special keyring. Pure.
 */
#ifndef WQ_MEANT_H
#define WQ_MEANT_H

#include "base/ids.h"
#include "base/task.h"
#include "keys/access.h"

/* Who did an operation, as far as that is known. */
struct wq_actor {
	bool known; /* false: it may be anybody, and the other fields mean nothing */
	struct wq_task task;
	bool may_have_changed; /* its real user may by now be any of its users */
	/* It may also be one of these users of its own user namespace. */
	struct wq_uid_range mapped;
	/* The users of the process that had its session keyring when that became unknown, as
	 * far as they are known. */
	bool has_origin;
	struct wq_ids origin;
	/* Its real user as its own user namespace numbers it; that user's keyrings are named by
	 * this number. WQ_UID_UNKNOWN: not read, so the keyrings may have any name. */
	uid_t inner_uid;
};

/* Can A have meant the key S by ID (the number of a special keyring, or 0 for any) in an
 * operation that needs one of RIGHTS? The keyrings of a user belong to that user and have its
 * number in their names. Those of a thread, process or session belong to whoever made them: to
 * A's users, unless A could join the session keyring of another user, or descends from a
 * process that did. Root may have entered any session keyring, if it was root then. A session
 * keyring that was left to another user with nothing but the possessor's rights is not
 * considered. */
bool wq_may_mean(
	const struct wq_actor *a, int32_t id, uint8_t rights, const struct wq_key_state *s);

#endif
