/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When each user may have the next turn at what is done for all who wait for it at once: who
 * has just had one waits, and whoever has not is not held up by that.
 */
#ifndef WQ_TURNS_H
#define WQ_TURNS_H

#include <stdint.h>
#include <sys/types.h>

#define WQ_TURNS 64 /* users that are told apart at the same time */

/* Embedded in its owner; all zero: nobody has had any. Times are of CLOCK_MONOTONIC. */
struct wq_turns {
	struct wq_turn {
		uid_t uid;
		uint64_t due_ns; /* once it has passed the place is free */
	} turn[WQ_TURNS];
	uint64_t others_ns; /* of those for whom there was no room, as one */
};

/* From when on may UID have its next turn? 0: it has not had any of late. */
uint64_t wq_turns_due(const struct wq_turns *turns, uid_t uid, uint64_t now_ns);

/* UID has a turn at NOW_NS: the next one not before DUE_NS. */
void wq_turns_take(struct wq_turns *turns, uid_t uid, uint64_t due_ns, uint64_t now_ns);

#endif
