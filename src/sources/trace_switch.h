/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The switches of a trace: files of tracefs that hold "1" while what they stand for is on. They
 * are opened once, so that asking them later costs a read each and no memory.
 */
#ifndef WQ_TRACE_SWITCH_H
#define WQ_TRACE_SWITCH_H

#include <stdbool.h>

#define WQ_SWITCHES_MAX 32

/* Embedded in its owner. All zero: there are none, and all of them are on. */
struct wq_switches {
	int fd[WQ_SWITCHES_MAX];
	int n;
};

/* FD, opened for reading, is one of S from now on, which will close it. 0; or -errno, and FD
 * is closed: FD is below 0 (errno says why); -ENOSPC: S has WQ_SWITCHES_MAX. */
int wq_switches_add(struct wq_switches *s, int fd);

/* Are all of them on? One that cannot be read is off. Does not wait. */
bool wq_switches_on(const struct wq_switches *s);

/* Closes them: S has none. */
void wq_switches_close(struct wq_switches *s);

#endif
