/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records that were posted for differences: an operation that is told after it, and
 * explains it, is not to be told once more. Bounded: the oldest are forgotten. Pure.
 */
#ifndef WQ_LEDGER_H
#define WQ_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#define WQ_LEDGER_MAX 256

/* By value in its owner; all zero is a valid empty one. */
struct wq_ledger {
	struct {
		int32_t serial; /* 0: it has been claimed, or there is none */
		uint8_t subtype;
		uint32_t aux;
		uint64_t at_ns;
	} entry[WQ_LEDGER_MAX];
	unsigned int next;
};

/* The record SUBTYPE with AUX was posted to the watches of SERIAL at NOW_NS. */
void wq_ledger_note(
	struct wq_ledger *l, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t now_ns);

/* Was what an operation that began at BEGIN_NS tells posted already? If so that record is used
 * up. */
bool wq_ledger_claim(
	struct wq_ledger *l, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t begin_ns);

#endif
