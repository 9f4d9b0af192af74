/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stddef.h>

#include "base/turns.h"

#define PLACES 8 /* in how many places a user's turn may be */

static unsigned int place(uid_t uid, unsigned int i)
{
	return (uid * 2654435761u + i) % WQ_TURNS;
}

/* Is T's time still to come? If not nobody needs it any more. */
static bool is_used(const struct wq_turn *t, uint64_t now_ns)
{
	return t->due_ns > now_ns;
}

uint64_t wq_turns_due(const struct wq_turns *turns, uid_t uid, uint64_t now_ns)
{
	bool free_place = false;

	for (unsigned int i = 0; i < PLACES; i++) {
		const struct wq_turn *t = &turns->turn[place(uid, i)];

		if (!is_used(t, now_ns))
			free_place = true;
		else if (t->uid == uid)
			return t->due_ns;
	}
	return free_place ? 0 : turns->others_ns;
}

void wq_turns_take(struct wq_turns *turns, uid_t uid, uint64_t due_ns, uint64_t now_ns)
{
	struct wq_turn *at = NULL;

	for (unsigned int i = 0; i < PLACES; i++) {
		struct wq_turn *t = &turns->turn[place(uid, i)];

		if (is_used(t, now_ns) && t->uid == uid) {
			at = t;
			break;
		}
		if (!at && !is_used(t, now_ns))
			at = t;
	}
	if (at)
		*at = (struct wq_turn){uid, due_ns};
	else
		turns->others_ns = due_ns;
}
