/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Do the hooks report what they must? A compiler may have inlined a hooked function, so that it
 * exists and is never called. Only a test shows that.
 */
#ifndef WQ_HOOK_PROOF_H
#define WQ_HOOK_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "sources/key_hooks.h"

/* Makes a keyring and a key for this thread, changes them in all ways that are possible for
 * their owner, and lets the kernel collect the key, for which it waits up to 5 seconds. True if
 * the hooks, which nobody else uses yet, have reported each change in its place, and nothing
 * else. Otherwise WHY says what was expected. */
bool wq_hooks_prove(struct wq_hooks *hooks, char *why, size_t why_size);

#endif
