/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the program that a command means, and whether a preloaded library is loaded into it. */
#ifndef WQ_PROGRAM_H
#define WQ_PROGRAM_H

/* The path of the program that execvp(COMMAND) would run, which the caller frees. NULL: there
 * is none, or no memory. */
char *wq_program_find(const char *command);

/* Examines, without running it, whether the dynamic linker will load LIBRARY into the program
 * at PATH, or into the interpreter that the program names by "#!". LIBRARY is a path, with
 * "$LIB" in it if there may be a library for each of several architectures. NULL: it will, or
 * the files do not tell. Otherwise the reason why not, which continues a sentence that begins
 * with SUBJECT: "it", or "its interpreter ..." (both static). Reads files, and so may block as
 * open() does. */
const char *wq_program_unreached(const char *path, const char *library, const char **subject);

#endif
