/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The board of the mount, as this process sees it: memory that shows which reports would tell
 * nothing. It is attached at the first use, without a descriptor, and stays with the process
 * and its children until exec, whatever becomes of descriptors, of the root directory and of
 * the user. Safe in threads, after fork and in signal handlers. All functions keep errno.
 */
#ifndef WQSHIM_BOARD_H
#define WQSHIM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "wqfs.h"

/* What a process has seen on a board. */
struct wqshim_seen {
	const struct wqfs_board *board; /* NULL: there is none */
	uint32_t generation;
	uint64_t at_ns; /* CLOCK_MONOTONIC, up to some milliseconds ago */
};

/* Looks at the board of the mount that $WQFS_MOUNT names. Without a system call, but that once
 * a second, and when the variable has changed, it asks the daemon, as a report would, whether
 * it is still the board of that mount: so it may wait for the daemon. */
void wqshim_board_look(struct wqshim_seen *seen);

/* Is what was seen still true, so that no more reports are wanted than then? False without a
 * board. */
bool wqshim_board_is_unchanged(const struct wqshim_seen *seen);

/* Which reports the mount wants; NONE also if no key is watched, or no mount is named. */
enum wqfs_wanted wqshim_board_wanted(const struct wqshim_seen *seen);

/* May the key SERIAL be watched? Ask only if there is a board. */
bool wqshim_board_may_watch(const struct wqshim_seen *seen, int32_t serial);

#endif
