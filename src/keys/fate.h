/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How keys have ended. When a key is missing from a keyring this decides what to post: the
 * kernel posts UNLINKED for a member that was unlinked, and nothing when it drops the link to a
 * dead one: one that was revoked or invalidated, or has expired (key_is_dead()), whether it is
 * destroyed yet or not. Remembers a limited number of keys, and forgets the oldest. Pure.
 */
#ifndef WQ_FATE_H
#define WQ_FATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define WQ_FATES_MAX 64

/* By value in its owner. All zero: empty. */
struct wq_fates {
	struct {
		int32_t serial;
		time_t at; /* CLOCK_REALTIME */
	} dead[WQ_FATES_MAX];
	unsigned int dead_next;
	int32_t unlinked[WQ_FATES_MAX];
	unsigned int unlinked_next;
};

/* The key SERIAL, watched or not, is dead from the time AT on (CLOCK_REALTIME): if it is
 * destroyed after that, the kernel has collected it. AT 0: it is alive. */
void wq_fates_note_dead(struct wq_fates *f, int32_t serial, time_t at);

/* Was it noted that SERIAL is dead at NOW? */
bool wq_fates_is_dead(const struct wq_fates *f, int32_t serial, time_t now);

/* SERIAL was unlinked from a keyring that we do not know. If it is later missing from a keyring
 * and destroyed, it was unlinked and not collected. */
void wq_fates_note_unlinked(struct wq_fates *f, int32_t serial);
bool wq_fates_was_unlinked(const struct wq_fates *f, int32_t serial);

#endif
