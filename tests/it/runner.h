/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a test passes to its runner, and the two share. For the library alone. */
#ifndef IT_RUNNER_H
#define IT_RUNNER_H

#define EXIT_SKIP 77

/* In memory that the runner and its tests share. */
extern struct it_shared {
	char why_skipped[512];
	char remove_later[512]; /* a path, or empty */
} * it_shared;

/* What waitpid() has put into STATUS: an exit status, or the negative number of a signal. */
int it_decode(int status);

#endif
