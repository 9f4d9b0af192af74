/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words for types and subtypes of records. Filters, text and JSON use the same words. Pure.
 */
#ifndef WQ_NAMES_H
#define WQ_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define WQ_SUBTYPES 256 /* subtype is 8 bits wide */

/* keyctl's letters for the subtypes of a key record: the index of a letter is its subtype. */
#define WQ_KEY_LETTERS "iplncrvs"

/* "key" or "meta"; NULL for a type without a name. */
const char *wq_type_name(uint32_t type);

/* "updated", "removal" and so on; NULL if SUBTYPE of TYPE has no name. */
const char *wq_subtype_name(uint32_t type, unsigned int subtype);

/* The type whose name is the LEN bytes at NAME, or -ENOENT. */
int wq_type_by_name(const char *name, size_t len);

/* The subtype of TYPE whose name is the LEN bytes at NAME, or -ENOENT. */
int wq_subtype_by_name(uint32_t type, const char *name, size_t len);

#endif
