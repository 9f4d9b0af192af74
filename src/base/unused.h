/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_UNUSED_H
#define WQ_UNUSED_H

/* Marks a parameter that a function has only because its type demands it, as the kernel's
 * __always_unused; or a function that only assertions call. */
#define WQ_UNUSED __attribute__((unused))

#endif
