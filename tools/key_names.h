/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keys are called, also after their end: types and descriptions by serial. */
#ifndef WQ_KEY_NAMES_H
#define WQ_KEY_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

/* A key as it was when it was last asked about. */
struct key_name {
	int32_t serial;
	char *type;
	const char *description; /* in the same block as TYPE; any bytes but NUL */
	UT_hash_handle hh;
};

/* By value in its owner. All zero: it remembers nothing. */
struct key_names {
	struct key_name *all;
};

void key_names_fini(struct key_names *names);

/* Asks the kernel what SERIAL is called, and remembers it. If the kernel does not tell, it is
 * what was remembered; NULL: nobody knows. Valid until SERIAL is asked about again. */
const struct key_name *key_names_ask(struct key_names *names, int32_t serial);

/* What is remembered, or else the kernel's answer. */
const struct key_name *key_names_get(struct key_names *names, int32_t serial);

/* SERIAL has ended: its number may become that of another key. */
void key_names_forget(struct key_names *names, int32_t serial);

/* True if NAME is known and of TYPE. */
bool key_name_is(const struct key_name *name, const char *type);

#endif
