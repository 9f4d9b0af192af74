/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys as a scenario sees them: the bare system calls with -errno results, and the
 * scenario's own names for serials, which differ from run to run.
 */
#ifndef SCENARIO_KEYS_H
#define SCENARIO_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SC_KEY_NAME_MAX 32

struct sc_names;

/* A new empty table, in memory that child processes share: a key named by one of them is
 * known to all. NULL: no memory. Lives until the process ends. */
struct sc_names *sc_names_new(void);

/* Calls SERIAL NAME, instead of what had that name before. */
void sc_names_set(struct sc_names *names, const char *name, int32_t serial);

/* The serial that S means: a name of the table, @s and the like, or a number. */
int32_t sc_names_serial(const struct sc_names *names, const char *s);

/* What to call SERIAL in output: its name in the table, "@s" or "@u" for the caller's, a
 * number for what is too small to be a key's, else "?". Valid until the thread's next
 * call. */
const char *sc_names_name(const struct sc_names *names, uint32_t serial);

/* The system calls; -errno instead of -1. */
long sc_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
long sc_add_key(
	const char *type, const char *desc, const void *payload, size_t len, int32_t ring);
long sc_request_key(const char *type, const char *desc, const char *callout, int32_t ring);

/* The real serial behind KEY, special or not; -errno if there is none. CREATE makes the
 * special keyring if it can be made. */
int32_t sc_key_resolve(int32_t key, bool create);

/* True once the kernel has no such key any more. */
bool sc_key_gone(int32_t serial);

/* The serial of a key called DESC in /proc/keys, or 0. */
int32_t sc_key_find(const char *type, const char *desc);

#endif
