/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks descriptors and signals that a program inherited, before it does anything else. Linked
 * into the daemon, wqctl and wqrun. */
#ifndef WQ_START_H
#define WQ_START_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

/* Occupies those of the descriptors 0 to 2 that are closed, so that no file that is opened
 * later gets a number that others use for input or messages. Reading and writing them fails
 * with EBADF, as if they were closed. FLAGS is 0, or O_CLOEXEC for a program that replaces
 * itself by another, which is to find them closed. 0 or -errno. */
int wq_start_std_fds(int flags);

/* Closes the descriptor FIRST and all above it. Allocates no memory where the kernel has
 * close_range() (Linux 5.9). 0; or -errno, and some descriptors may still be open. */
int wq_start_close_fds(int first);

/* Adds SIG to SET unless the signal is ignored. What was ignored at the start (by nohup(1), or
 * by a shell for a background job) stays ignored. A signal that is blocked, as a signalfd needs
 * it, would be delivered although it is ignored. */
void wq_start_heed(sigset_t *set, int sig);

/* Has this process a controlling terminal, which has not hung up? */
bool wq_start_has_terminal(void);

/* Did the terminal send the SIGHUP of SI, or a shell that passes the terminal's on?
 * HAD_TERMINAL: this process had one before. */
bool wq_start_is_hangup(const struct signalfd_siginfo *si, bool had_terminal);

/* Replaces descriptors 0 to 2 by /dev/null. */
void wq_start_std_to_null(void);

#endif
