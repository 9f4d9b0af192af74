/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The switches of a trace: files of tracefs that hold "1" while something is switched on. They
 * are opened once, so that checking them later costs one read each and no memory.
 */
#ifndef WQ_TRACE_SWITCH_H
#define WQ_TRACE_SWITCH_H

#include <stdbool.h>

#define WQ_SWITCHES_MAX 32

/* Embedded in its owner. All zero: there are no switches, and all of them are on. */
struct wq_switches {
	int fd[WQ_SWITCHES_MAX];
	int n;
};

/* Adds FD, opened for reading, to S, which will close it. 0; or -errno, and FD is closed: FD is
 * below 0 (errno has the reason); -ENOSPC: S has WQ_SWITCHES_MAX. */
int wq_switches_add(struct wq_switches *s, int fd);

/* Are all switches on? One that cannot be read counts as off. Does not wait. */
bool wq_switches_on(const struct wq_switches *s);

/* Closes all switches of S. */
void wq_switches_close(struct wq_switches *s);

#endif
