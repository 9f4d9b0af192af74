/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program that a command means, and whether a preloaded library gets into it. */
#ifndef WQ_PROGRAM_H
#define WQ_PROGRAM_H

/* The path of the program that execvp(COMMAND) runs, to be freed; NULL: there is none, or no
 * memory. */
char *wq_program_find(const char *command);

/* Looks, without running it, whether the dynamic linker will put LIBRARY into the program at
 * PATH, or into the interpreter that it names by "#!". NULL: it will, or that cannot be told;
 * else why not, as what is said of SUBJECT: "it", or "its interpreter ..." (both static). Reads
 * files, and so may block as open() does. */
const char *wq_program_unreached(const char *path, const char *library, const char **subject);

#endif
