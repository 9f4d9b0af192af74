/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and all keys below them, as they are now. */
#ifndef WQ_TREE_H
#define WQ_TREE_H

#include <jansson.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

struct tree_facts;

/* Reads what is known of all keys: when they expire, and which queues of the wqfs at MOUNT
 * (NULL: of the caller's, if there is one) watch them, as far as the caller may know. NULL: no
 * memory. */
struct tree_facts *tree_facts_new(const char *mount);
void tree_facts_free(struct tree_facts *facts);

/* The key SERIAL without what is below it, in the form of wqctl(1). The caller owns it. NULL:
 * no memory. */
json_t *tree_key(const struct tree_facts *facts, int32_t serial);

/* The same with what is linked below it over so many keyrings, DEPTH, TREE_WHOLE: all of it.
 * The members of a keyring are in it only where FACTS meets it first. */
#define TREE_WHOLE UINT_MAX
json_t *tree_of(struct tree_facts *facts, int32_t serial, unsigned int depth);

/* What is linked in the keyring SERIAL, in the kernel's order. Returns how many these are, and
 * the caller frees *MEMBERS; or -errno. */
long tree_members(int32_t serial, int32_t **members);

/* The parts of a line, but for what the key is called. */
enum tree_parts {
	TREE_SERIAL = 1 << 0,
	TREE_RIGHTS = 1 << 1,
	TREE_OWNER = 1 << 2,
	TREE_LEFT = 1 << 3,
	TREE_WATCHES = 1 << 4,
	TREE_ALL = (1 << 5) - 1,
};

/* Writes the line of KEY, DEPTH keyrings below the first one, with PARTS, and no newline. */
void tree_put_key(FILE *out, const json_t *key, unsigned int depth, unsigned int parts);

/* Adds to KEY what its owner is called, so that it is not looked up for each line, unless that
 * is there. */
void tree_name_owner(json_t *key);

/* The same for what tree_of() has made, and all keys in it. */
void tree_name_owners(json_t *tree);

/* Prints what tree_of() has made, a line for each key, and names their owners in it. */
void tree_print(json_t *tree);

#endif
