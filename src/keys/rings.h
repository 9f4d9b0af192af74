/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watched keyrings, by the special keyring that they may be. */
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

/* KEY has been described for the first time: adds it if it is a keyring. Its name never
 * changes. */
void wq_rings_add(struct wq_rings *rings, struct wq_key *key);

/* KEY was destroyed, or nobody watches it any more. */
void wq_rings_remove(struct wq_rings *rings, struct wq_key *key);

/* Could ID stand for KEY? ID is a serial, a KEY_SPEC_*_KEYRING, or 0 for any keyring. */
bool wq_ring_may_be_called(const struct wq_key *key, int32_t id);

/* Writes the serials of all such keyrings, at most MAX, to SERIALS. Returns how many there are;
 * if that is more than MAX, at least MAX + 1. */
unsigned int wq_rings_called(
	const struct wq_rings *rings, int32_t id, int32_t *serials, unsigned int max);

/* Is there any such keyring? */
bool wq_rings_any(const struct wq_rings *rings, int32_t id);

/* The serial of the only keyring of KIND that is called NAME and belongs to UID. 0: there is
 * none; -1: there are several, because a user can make one of the same name. */
int32_t wq_rings_user(
	const struct wq_rings *rings, enum wq_ring_kind kind, const char *name, uid_t uid);

#endif
