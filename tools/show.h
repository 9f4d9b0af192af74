/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and descriptions are other people's bytes: they may hold what a terminal obeys. */
#ifndef WQ_SHOW_H
#define WQ_SHOW_H

#include <stddef.h>

/* Prints LEN bytes at TEXT on stdout, control characters as \xNN. */
void show_clean(const char *text, size_t len);

#endif
