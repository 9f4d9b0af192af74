/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records that were posted for differences. If an operation that explains a difference is
 * reported later, it is not posted a second time. Remembers a limited number, and forgets the
 * oldest. Pure.
 */
#ifndef WQ_LEDGER_H
#define WQ_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#define WQ_LEDGER_MAX 256

/* By value in its owner. All zero: empty. */
struct wq_ledger {
	struct {
		int32_t serial; /* 0: it was claimed, or the place is empty */
		uint8_t subtype;
		uint32_t aux;
		uint64_t at_ns;
	} entry[WQ_LEDGER_MAX];
	unsigned int next;
};

/* The record SUBTYPE with AUX was posted to the watches of SERIAL at NOW_NS. */
void wq_ledger_note(
	struct wq_ledger *l, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t now_ns);

/* Was the record of an operation that began at BEGIN_NS posted already for a difference? If so
 * that entry is used up. */
bool wq_ledger_claim(
	struct wq_ledger *l, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t begin_ns);

#endif
