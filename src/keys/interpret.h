/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What operations mean: which changes of which keys, and what else may follow. */
#ifndef WQ_INTERPRET_H
#define WQ_INTERPRET_H

#include "keys/outcome.h"
#include "keys/statement.h"

/* Fills O with what T's operation, which has ended, means. */
void wq_interpret(const struct wq_statement *t, struct wq_outcome *o);

#endif
