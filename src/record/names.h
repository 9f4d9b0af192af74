/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words for record types and subtypes, in one place: filters, text and JSON
 * use the same. Pure.
 */
#ifndef WQ_NAMES_H
#define WQ_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define WQ_SUBTYPES 256 /* subtype is 8 bits wide */

/* keyctl's letters for the subtypes of a key record; a letter's place is its subtype. */
#define WQ_KEY_LETTERS "iplncrvs"

/* "key", "meta", or NULL for a type that has no name. */
const char *wq_type_name(uint32_t type);

/* "updated", "removal", ..., or NULL if SUBTYPE of TYPE has no name. */
const char *wq_subtype_name(uint32_t type, unsigned int subtype);

/* The type called by the LEN bytes at NAME, or -ENOENT. */
int wq_type_by_name(const char *name, size_t len);

/* The subtype of TYPE called by the LEN bytes at NAME, or -ENOENT. */
int wq_subtype_by_name(uint32_t type, const char *name, size_t len);

#endif
