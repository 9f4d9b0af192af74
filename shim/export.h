/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declarations that the files with entry points share.
 */
#ifndef WQSHIM_EXPORT_H
#define WQSHIM_EXPORT_H

#define EXPORT(symbol) __asm__(symbol) __attribute__((visibility("default")))
#define COLD	       __attribute__((cold, noinline))
#define unlikely(x)    __builtin_expect(!!(x), 0)

#endif
