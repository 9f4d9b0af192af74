/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other users chose the bytes of names and descriptions: they may hold control sequences for
 * the terminal. */
#ifndef WQ_SHOW_H
#define WQ_SHOW_H

#include <stddef.h>

/* Prints LEN bytes at TEXT on stdout, with control characters as \xNN. */
void show_clean(const char *text, size_t len);

#endif
