/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What operations mean: which changes of which keys, and what may come of it. */
#ifndef WQ_INTERPRET_H
#define WQ_INTERPRET_H

#include "keys/apply.h"

/* OP has begun, or ended: says CALLER of itself, or if that is NULL a source. What it changed
 * is applied. Returns a set of enum wq_consequence. */
unsigned int wq_interpret(const struct wq_applier *to, const struct wq_operation *op,
	const struct wq_caller *caller);

#endif
