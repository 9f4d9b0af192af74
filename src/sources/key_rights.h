/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which rights a thread has to a key, also because it possesses it: asked of the kernel, by a
 * program that searches the thread's keyrings as the kernel does when the thread names the key.
 */
#ifndef WQ_KEY_RIGHTS_H
#define WQ_KEY_RIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/caller.h"

struct wq_key_rights;

/* Loads the program, and proves it with keys of our own. NULL: this kernel does not allow it,
 * or differs from what it expects (Linux 6.1 or later, not locked down for confidentiality);
 * WHY has the reason. */
struct wq_key_rights *wq_key_rights_open(char *why, size_t why_size);
void wq_key_rights_close(struct wq_key_rights *possession);

/* Sets *RIGHTS, a set of enum wq_right, to those that CALLER, a thread that waits for an answer
 * of ours, has to SERIAL. 0; -ESRCH: there is no such thread any more, or it is in a pid
 * namespace that we do not see; -ENOKEY: the key was not found; -E2BIG: the thread's keyrings
 * hold so many keyrings that the search was given up; or another -errno. Takes some 50
 * microseconds, and at most some milliseconds. Takes no lock of the kernel's keys, so that it
 * never waits for who uses them. */
int wq_key_rights_of(struct wq_key_rights *possession, const struct wq_caller *caller,
	int32_t serial, uint8_t *rights);

#endif
