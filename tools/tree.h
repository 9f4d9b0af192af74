/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and all keys below them, as they are now. */
#ifndef WQ_TREE_H
#define WQ_TREE_H

#include <jansson.h>
#include <stdint.h>

struct tree_facts;

/* Reads what is known of all keys: when they expire, and which queues of the wqfs at MOUNT
 * (NULL: of the caller's, if there is one) watch them, as far as the caller may know. NULL: no
 * memory. */
struct tree_facts *tree_facts_new(const char *mount);
void tree_facts_free(struct tree_facts *facts);

/* The key SERIAL and all below it, in the form of wqctl(1). The caller owns it. NULL: no
 * memory. The members of a keyring are in it only where FACTS meets it first. */
json_t *tree_of(struct tree_facts *facts, int32_t serial);

/* Prints what tree_of() has made, a line for each key. */
void tree_print(const json_t *tree);

#endif
