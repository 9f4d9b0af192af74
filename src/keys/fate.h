/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How keys ended that may be found missing from keyrings: the kernel tells of a member that was
 * unlinked, and says nothing where it drops the link to a dead one. Bounded: the oldest are
 * forgotten. Pure.
 */
#ifndef WQ_FATE_H
#define WQ_FATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define WQ_FATES_MAX 64

/* By value in its owner; all zero is a valid empty one. */
struct wq_fates {
	struct {
		int32_t serial;
		time_t at; /* CLOCK_REALTIME */
	} dead[WQ_FATES_MAX];
	unsigned int dead_next;
	int32_t unlinked[WQ_FATES_MAX];
	unsigned int unlinked_next;
};

/* SERIAL, watched or not, is dead from AT on (CLOCK_REALTIME): if it is gone then it was
 * collected. AT 0: it lives. */
void wq_fates_note_dead(struct wq_fates *f, int32_t serial, time_t at);

/* Is SERIAL dead at NOW, as was noted? */
bool wq_fates_is_dead(const struct wq_fates *f, int32_t serial, time_t now);

/* SERIAL was unlinked from a keyring that cannot be told: whoever finds it missing, and it
 * gone altogether, is to know that it was not collected. */
void wq_fates_note_unlinked(struct wq_fates *f, int32_t serial);
bool wq_fates_was_unlinked(const struct wq_fates *f, int32_t serial);

#endif
