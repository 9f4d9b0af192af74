/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and descriptions are other people's bytes: they may hold a newline, which would fake a
 * line of ours, or what a terminal obeys. */
#ifndef WQ_ESCAPE_H
#define WQ_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints LEN bytes at TEXT on OUT, each byte of a control character as \xNN; if REVERSIBLE a
 * backslash as \\, so that it can be read back. */
void wq_escape(FILE *out, const char *text, size_t len, bool reversible);

#endif
