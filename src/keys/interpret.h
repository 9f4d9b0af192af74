/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What operations mean: which changes of which keys, and what else may follow. */
#ifndef WQ_INTERPRET_H
#define WQ_INTERPRET_H

#include "keys/outcome.h"
#include "keys/telling.h"

/* OP has begun, says CALLER, who does it, or a source if CALLER is NULL. */
void wq_interpret_begin(
	struct wq_resolve *r, const struct wq_operation *op, const struct wq_caller *caller);

/* Fills O with what T's operation, which has ended, means. */
void wq_interpret(const struct wq_telling *t, struct wq_outcome *o);

#endif
