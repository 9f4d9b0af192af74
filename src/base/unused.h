/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_UNUSED_H
#define WQ_UNUSED_H

/* Behind the name of a parameter that a function has for its type's sake alone, as the kernel's
 * __always_unused; before a function that only assertions call. */
#define WQ_UNUSED __attribute__((unused))

#endif
