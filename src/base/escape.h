/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other users chose the bytes of names and descriptions: they may hold a newline, which would
 * fake a line of ours, or a control sequence for the terminal. */
#ifndef WQ_ESCAPE_H
#define WQ_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints LEN bytes at TEXT on OUT, with each byte of a control character as \xNN. If
 * REVERSIBLE, prints a backslash as \\, so that the text can be read back. */
void wq_escape(FILE *out, const char *text, size_t len, bool reversible);

#endif
