/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sources that there are, best first, and which of them the option "source" allows. */
#ifndef WQ_CHOICE_H
#define WQ_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "sources/source.h"

#define WQ_SOURCE_AUTO "auto" /* the best that can be had, or else keys are polled */
#define WQ_SOURCE_POLL "poll" /* none: keys are polled */

/* The candidates that NAME allows, ending in NULL: WQ_SOURCE_AUTO, WQ_SOURCE_POLL, or the name
 * of a source, which then has to be had. NULL: there is none of that name. */
const struct wq_source_type *const *wq_source_choose(const char *name);

/* Does NAME ask for a source that has to be had? */
bool wq_source_is_required(const char *name);

/* Writes all names that wq_source_choose() takes to BUF: "auto, poll or trace". */
void wq_source_list(char *buf, size_t size);

#endif
