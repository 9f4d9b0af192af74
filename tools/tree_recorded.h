/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys as a recording has them, in the model of trees: what there was when it began, and what
 * there is after the events that were passed to tree_model_event() since. */
#ifndef WQ_TREE_RECORDED_H
#define WQ_TREE_RECORDED_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "recording.h"
#include "tree_model.h"

/* Opens the recording in the file at PATH into R, and initializes M with the keys that there
 * were when it began, which was *WHEN; changes are noted for HOLD_NS. A recording may come from
 * anybody. False after an error message: there is nothing to close. */
bool tree_recorded_open(struct tree_model *m, uint64_t hold_ns, struct recording *r,
	const char *path, time_t *when);

/* The root number I with all below it in the form of tree_of(), as of NOW. The caller owns it.
 * NULL: no memory. Lists no rows meanwhile: it uses what tree_model_list() does. */
json_t *tree_recorded_root(struct tree_model *m, size_t i, time_t now);

#endif
