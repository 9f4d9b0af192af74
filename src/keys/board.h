/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The board of the mount (struct wqfs_board): processes that report what they do to keys see
 * there which reports would tell nothing.
 *
 * It is a segment of System V shared memory because that has no name that could be left behind,
 * no descriptor, cannot be made shorter by anybody, and does not keep the mount busy. It is
 * marked for removal from the start, so it goes with the last process that uses it. The kernel
 * notes the death of the daemon in it, as of the owner of a robust futex.
 *
 * All users of the mount can read it. They learn how many keys are watched, and of a key
 * whose number they know whether it may be; not which keys there are.
 *
 * Without such memory there is no board, every report is made, and all functions but
 * wq_board_place() do nothing. Nothing here waits.
 */
#ifndef WQ_BOARD_H
#define WQ_BOARD_H

#include <stdint.h>

#include "wqfs.h"

/* By value in its owner. All zero: there is no board. */
struct wq_board {
	struct wqfs_board *shared;
	uint32_t *counts; /* how many watched keys have each bit; owned */
	int segment;
	struct wq_board_death *death; /* how the kernel finds the board when we die; owned */
};

/* Sets up a board that wants all reports. To be called by the thread whose death ends the
 * daemon, which must own no robust mutex. A process has one board at a time. */
void wq_board_init(struct wq_board *b);
void wq_board_fini(struct wq_board *b);

/* The board is not valid any more: what is on it may be wrong from now on. */
void wq_board_end(struct wq_board *b);

void wq_board_want(struct wq_board *b, enum wqfs_wanted wanted);

/* The key SERIAL is watched from now on; or, no longer. */
void wq_board_add(struct wq_board *b, int32_t serial);
void wq_board_remove(struct wq_board *b, int32_t serial);

/* WQFS_IOC_GET_BOARD. 0 or -EOPNOTSUPP. */
int wq_board_place(const struct wq_board *b, struct wqfs_board_place *place);

#endif
