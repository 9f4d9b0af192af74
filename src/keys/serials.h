/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The serials of keys that operations have named. add_key() returns a key that it has made or
 * updated; if the key was known before, add_key() has updated it. Where the members of its
 * keyring cannot be read, nothing else distinguishes the two cases.
 *
 * The memory is limited: it holds at least the last WQ_SERIALS serials, and forgets the oldest.
 * Pure: no I/O, no allocation, no globals.
 */
#ifndef WQ_SERIALS_H
#define WQ_SERIALS_H

#include <stdbool.h>
#include <stdint.h>

#define WQ_SERIALS	4096u
#define WQ_SERIALS_ROOM (2 * WQ_SERIALS) /* half empty, so that a search is short */

/* Who named the serial, if it was not a user's report. */
#define WQ_SERIALS_TRACED UINT32_MAX
#define WQ_SERIALS_JOINED (UINT32_MAX - 1) /* as that of a session keyring */

struct wq_serial {
	int32_t serial; /* 0: a free place */
	uint32_t by;
	uint64_t since_ns;
};

/* By value in its owner. All zero: empty. */
struct wq_serials {
	struct wq_serial recent[WQ_SERIALS_ROOM], older[WQ_SERIALS_ROOM];
	unsigned int nrecent;
};

/* BY, a user or WQ_SERIALS_TRACED, says that SERIAL (not 0) existed at SINCE_NS. */
void wq_serials_note(struct wq_serials *s, int32_t serial, uint32_t by, uint64_t since_ns);

/* Has BY said that SERIAL existed at AT_NS? */
bool wq_serials_known(const struct wq_serials *s, int32_t serial, uint32_t by, uint64_t at_ns);

/* Forgets all. */
void wq_serials_forget(struct wq_serials *s);

#endif
