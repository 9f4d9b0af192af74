/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The capabilities of the calling thread. A daemon of root needs few of them all the time, and
 * others only while it starts a source, or unmounts: these stay permitted, and are in effect
 * for these moments alone. Nothing here does anything where there are no capabilities.
 */
#ifndef WQ_CAPS_H
#define WQ_CAPS_H

#include <stdint.h>

/* Gives up what is never needed any more, and keeps in effect only what is needed all the
 * time. */
void wq_caps_give_up(void);

/* Puts into effect all that is permitted. Returns what was in effect, for
 * wq_caps_restore(). */
uint64_t wq_caps_raise(void);
void wq_caps_restore(uint64_t effective);

#endif
