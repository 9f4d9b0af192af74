/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Do hooks tell what they must? A compiler may have put a function that is hooked into its
 * callers, so that it is there and never called: only a try shows it.
 */
#ifndef WQ_HOOK_PROOF_H
#define WQ_HOOK_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "sources/key_hooks.h"

/* Makes a keyring and a key of this thread's own, changes them in all ways in which they can be
 * changed by whoever has them, and lets the kernel collect the key; waits for that up to 5
 * seconds. True if the hooks, which nobody else uses yet, told each change in its place, and
 * nothing else. Else WHY says what was expected. */
bool wq_hooks_prove(struct wq_hooks *hooks, char *why, size_t why_size);

#endif
