/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of all sources, best first, and which of them the option "source" allows. */
#ifndef WQ_CHOICE_H
#define WQ_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "sources/source.h"

/* The candidates that NAME allows, ending in NULL. NAME is the name of a source, or a word that
 * source.h has for several or none; NULL: it is neither. */
const struct wq_source_type *const *wq_source_choose(const char *name);

/* Does NAME require a source? All but WQ_SOURCE_AUTO and WQ_SOURCE_POLL do. */
bool wq_source_is_required(const char *name);

/* Writes all names that wq_source_choose() accepts to BUF, with commas and "or". */
void wq_source_list(char *buf, size_t size);

#endif
