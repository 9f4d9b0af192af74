/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program was given by who started it, and makes sure of first of all: descriptors and
 * signals. Linked into the daemon, wqctl and wqrun alike. */
#ifndef WQ_START_H
#define WQ_START_H

#include <signal.h>

/* Occupies those of the descriptors 0 to 2 that are closed, so that nothing which is opened
 * later stands where others read their input or write what they have to say. To read from
 * them or write to them fails with EBADF, as if they were closed. FLAGS is 0, or O_CLOEXEC
 * for a program that becomes another one, which is to find them closed. 0 or -errno. */
int wq_start_std_fds(int flags);

/* Closes the descriptor FIRST and all above it. Allocates no memory while the kernel has
 * close_range(), since Linux 5.9. 0; or -errno, and some may be open still. */
int wq_start_close_fds(int first);

/* Adds SIG to SET, unless it is ignored: what was ignored at the start (by nohup(1), or by a
 * shell for what it runs in the background) is to stay so. A signal that is blocked, as a
 * signalfd wants it, would be delivered although it is ignored. */
void wq_start_heed(sigset_t *set, int sig);

#endif
