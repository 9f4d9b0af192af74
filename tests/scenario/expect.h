/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a golden file says that a step will find, for runs in which nothing else shows when the
 * system has caught up.
 */
#ifndef SCENARIO_EXPECT_H
#define SCENARIO_EXPECT_H

#include <stddef.h>

struct sc_expect;

/* Reads the golden file at PATH. NULL with errno set if it cannot be read. sc_expect_free()
 * frees the result. */
struct sc_expect *sc_expect_load(const char *path);
void sc_expect_free(struct sc_expect *expect);

/* The number of bytes that must be queued before step STEP (counted from 0), a "read", "drain",
 * "count", "poll" or "fionread", can give the golden result. LOSS takes no room in a queue. 0
 * for other steps, for those that are to find nothing, and if EXPECT is NULL. */
size_t sc_expect_bytes(const struct sc_expect *expect, int step);

#endif
