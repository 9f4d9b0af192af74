/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/ledger.h"

void wq_ledger_note(
	struct wq_ledger *l, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t now_ns)
{
	unsigned int i = l->next++ % WQ_LEDGER_MAX;

	l->entry[i].serial = serial;
	l->entry[i].subtype = subtype;
	l->entry[i].aux = aux;
	l->entry[i].at_ns = now_ns;
}

bool wq_ledger_claim(
	struct wq_ledger *l, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t begin_ns)
{
	for (unsigned int i = 0; i < WQ_LEDGER_MAX; i++) {
		if (l->entry[i].serial != serial || l->entry[i].subtype != subtype ||
			l->entry[i].aux != aux || l->entry[i].at_ns < begin_ns)
			continue;
		l->entry[i].serial = 0;
		return true;
	}
	return false;
}
