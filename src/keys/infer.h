/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keyring was it? Where a special keyring cannot be resolved, the difference that the
 * operation made tells, or nothing does: then LOSS is told to those whose keyrings it may have
 * been on, where it may have changed nothing that one sees.
 */
#ifndef WQ_INFER_H
#define WQ_INFER_H

#include "keys/outcome.h"
#include "keys/telling.h"

/* T tells of WHAT, with SERIAL, on the keyring that was named ID; 0 stands for any special one.
 * SERIAL below 0: that cannot be told, either. Adds to O what follows. */
void wq_infer(const struct wq_telling *t, struct wq_outcome *o, int32_t id,
	enum wq_inference what, int32_t serial);

/* T tells that attributes of keyring ID were set, perhaps to what they were. */
void wq_infer_setattr(const struct wq_telling *t, struct wq_outcome *o, int32_t id);

/* May those who watch KEY have missed what a struct wq_missed is about? */
bool wq_infer_may_have_missed(const struct wq_key *key, const void *missed);

#endif
