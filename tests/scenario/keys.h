/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys for scenarios: the bare system calls with -errno as their result, and the scenario's own
 * names for serials, which differ from run to run.
 */
#ifndef SCENARIO_KEYS_H
#define SCENARIO_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SC_KEY_NAME_MAX 32

struct sc_names;

/* A new empty table, in memory that child processes share: all of them know a key that one of
 * them names. NULL: no memory. Lives until the process ends. */
struct sc_names *sc_names_new(void);

/* Gives SERIAL the name NAME, which may have belonged to another key. */
void sc_names_set(struct sc_names *names, const char *name, int32_t serial);

/* The serial that S means: a name in the table, @s and the like, or a number. */
int32_t sc_names_serial(const struct sc_names *names, const char *s);

/* The name of SERIAL in output: its name in the table, "@s" or "@u" for the caller's, a number
 * if it is too small for a key, else "?". Valid until the thread's next call. */
const char *sc_names_name(const struct sc_names *names, uint32_t serial);

/* The system calls, with -errno instead of -1. */
long sc_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
long sc_add_key(
	const char *type, const char *desc, const void *payload, size_t len, int32_t ring);
long sc_request_key(const char *type, const char *desc, const char *callout, int32_t ring);

/* The serial of KEY, special or not; -errno if there is none. CREATE creates the special
 * keyring if possible. */
int32_t sc_key_resolve(int32_t key, bool create);

/* True when the kernel has no such key any more. */
bool sc_key_gone(int32_t serial);

/* The serial of a key called DESC in /proc/keys, or 0. */
int32_t sc_key_find(const char *type, const char *desc);

#endif
