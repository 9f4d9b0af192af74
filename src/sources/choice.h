/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of all sources, best first, and which of them the option "source" allows. */
#ifndef WQ_CHOICE_H
#define WQ_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "sources/source.h"

#define WQ_SOURCE_AUTO	 "auto"	  /* the best source that works, else polling */
#define WQ_SOURCE_POLL	 "poll"	  /* no source: polling */
#define WQ_SOURCE_KERNEL "kernel" /* the best of those whose names begin so */

/* The candidates that NAME allows, ending in NULL. NAME is one of the words above, or the name
 * of a source; all but WQ_SOURCE_AUTO and WQ_SOURCE_POLL require a source. NULL: NAME is none
 * of these. */
const struct wq_source_type *const *wq_source_choose(const char *name);

/* Does NAME require a source? */
bool wq_source_is_required(const char *name);

/* Writes all names that wq_source_choose() accepts to BUF: "auto, poll, kernel, ... or trace".
 */
void wq_source_list(char *buf, size_t size);

#endif
