/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out which keyring it was. If a special keyring cannot be resolved, the difference that
 * the operation made tells. If there is no difference, those keyrings get a LOSS on which the
 * operation may have been without a visible change.
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

/* May the watches of KEY have missed what a struct wq_missed is about? */
bool wq_infer_may_have_missed(const struct wq_key *key, const void *missed);

#endif
