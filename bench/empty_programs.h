/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What any program at the system calls costs them: one that does nothing. */
#ifndef WQ_BENCH_EMPTY_PROGRAMS_H
#define WQ_BENCH_EMPTY_PROGRAMS_H

/* Attaches a BPF program that does nothing to the raw tracepoint of that name, "sys_enter" for
 * example, until the descriptor that is returned is closed. -1 with errno: that cannot be had
 * here.
 */
int bench_attach_empty(const char *tracepoint);

#endif
