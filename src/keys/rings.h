/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watched keyrings, by what special keyring they may be. */
#ifndef WQ_RINGS_H
#define WQ_RINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct wq_key;

enum wq_ring_kind {
	WQ_RING_THREAD,
	WQ_RING_PROCESS,
	WQ_RING_USER,
	WQ_RING_USER_SESSION,
	WQ_RING_OTHER,
	WQ_RING_KINDS,
};

/* Embedded in its owner. */
struct wq_rings {
	TAILQ_HEAD(, wq_key) of[WQ_RING_KINDS];
};

void wq_rings_init(struct wq_rings *rings);

/* KEY has been described for the first time: if it is a keyring it is one of RINGS. What it is
 * called never changes. */
void wq_rings_add(struct wq_rings *rings, struct wq_key *key);

/* KEY is destroyed, or nobody watches it any more. */
void wq_rings_remove(struct wq_rings *rings, struct wq_key *key);

/* Could KEY be meant by ID: a serial, a KEY_SPEC_*_KEYRING, 0 for any keyring? */
bool wq_ring_may_be_called(const struct wq_key *key, int32_t id);

/* Writes the serials of those that could be, MAX of them at most, to SERIALS. How many there
 * are; more than MAX: more. */
unsigned int wq_rings_called(
	const struct wq_rings *rings, int32_t id, int32_t *serials, unsigned int max);

/* Is there any that could be? */
bool wq_rings_any(const struct wq_rings *rings, int32_t id);

/* The only one of KIND called NAME that belongs to UID: its serial; 0: there is none; -1: there
 * are several, since a user can make one of the same description. */
int32_t wq_rings_user(
	const struct wq_rings *rings, enum wq_ring_kind kind, const char *name, uid_t uid);

#endif
