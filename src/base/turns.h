/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When each user may have the next turn at work that is done for all waiting users at once. A
 * user who has just had a turn waits, and does not delay users who have not.
 */
#ifndef WQ_TURNS_H
#define WQ_TURNS_H

#include <stdint.h>
#include <sys/types.h>

#define WQ_TURNS 64 /* users that are told apart at one time */

/* Embedded in its owner. All zero: nobody has had a turn. Times are of CLOCK_MONOTONIC. */
struct wq_turns {
	struct wq_turn {
		uid_t uid;
		uint64_t due_ns; /* after that time the place is free */
	} turn[WQ_TURNS];
	uint64_t others_ns; /* one time for all users who have no place */
};

/* From when on may UID have its next turn? 0: it has not had one recently. */
uint64_t wq_turns_due(const struct wq_turns *turns, uid_t uid, uint64_t now_ns);

/* UID has a turn at NOW_NS, and its next one not before DUE_NS. */
void wq_turns_take(struct wq_turns *turns, uid_t uid, uint64_t due_ns, uint64_t now_ns);

#endif
