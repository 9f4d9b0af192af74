/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out which keyring an operation has changed if its special keyring cannot be resolved:
 * the one that shows the difference. If none does, those keyrings get a LOSS that the operation
 * may have changed invisibly.
 */
#ifndef WQ_INFER_H
#define WQ_INFER_H

#include "keys/outcome.h"
#include "keys/statement.h"

/* T reports WHAT, with SERIAL, on the keyring called ID; 0 stands for any special keyring.
 * SERIAL below 0: that is unknown, too. Adds to O what follows. */
void wq_infer(const struct wq_statement *t, struct wq_outcome *o, int32_t id,
	enum wq_inference what, int32_t serial);

/* T reports that the attributes of keyring ID were set, perhaps to what they were. */
void wq_infer_setattr(const struct wq_statement *t, struct wq_outcome *o, int32_t id);

/* T, a request_key() that has failed, may have linked a negative key into RING, and does not
 * tell its serial. With callout information it very likely has: LOSS if RING does not show
 * that, as it cannot be read, or a trace tells of it later. */
void wq_infer_negative(const struct wq_statement *t, struct wq_outcome *o, struct wq_key *ring);

/* May the watches of KEY have missed what a struct wq_missed is about? */
bool wq_infer_may_have_missed(const struct wq_key *key, const void *missed);

#endif
