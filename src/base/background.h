/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A daemon that is started in the background: the command that started it returns when the
 * daemon is ready, or has ended before that. */
#ifndef WQ_BACKGROUND_H
#define WQ_BACKGROUND_H

/* Forks. In the child *READY_FD is a descriptor for wq_background_ready(), which the caller
 * owns, and the result is 0. In the parent, after the child is ready or has ended, or if there
 * is no child, *READY_FD is -1, and the result is the exit status of the command, not 0 after a
 * message on stderr. Blocks in the parent. */
int wq_background_begin(int *ready_fd);

/* The daemon is ready: ends the wait of the command, closes *READY_FD and makes it -1. Does
 * nothing if it is -1. */
void wq_background_ready(int *ready_fd);

#endif
