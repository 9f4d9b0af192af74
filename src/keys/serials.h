/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serials of keys that operations have named. add_key() returns the key that it made, or one
 * that it has updated: a key that was known before was updated. Where the members of its
 * keyring cannot be read, nothing else tells the two apart.
 *
 * The memory is bounded: it holds the last WQ_SERIALS at least, and forgets the oldest.
 * Pure: no I/O, no allocation, no globals.
 */
#ifndef WQ_SERIALS_H
#define WQ_SERIALS_H

#include <stdbool.h>
#include <stdint.h>

#define WQ_SERIALS	4096u
#define WQ_SERIALS_ROOM (2 * WQ_SERIALS) /* half empty, so that a search is short */

/* Who said so, where it was not reported by a user. */
#define WQ_SERIALS_TRACED UINT32_MAX
#define WQ_SERIALS_JOINED (UINT32_MAX - 1) /* as a session keyring */

struct wq_serial {
	int32_t serial; /* 0: a free place */
	uint32_t by;
	uint64_t since_ns;
};

/* By value in its owner; all zero is a valid empty one. */
struct wq_serials {
	struct wq_serial recent[WQ_SERIALS_ROOM], older[WQ_SERIALS_ROOM];
	unsigned int nrecent;
};

/* SERIAL (not 0) existed at SINCE_NS, says BY: a user, or WQ_SERIALS_TRACED. */
void wq_serials_note(struct wq_serials *s, int32_t serial, uint32_t by, uint64_t since_ns);

/* Has BY said that SERIAL existed at AT_NS? */
bool wq_serials_known(const struct wq_serials *s, int32_t serial, uint32_t by, uint64_t at_ns);

/* Forgets all. */
void wq_serials_forget(struct wq_serials *s);

#endif
