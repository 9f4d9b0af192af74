/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel runs to construct a key, on a machine of its own: there this program
 * is /sbin/request-key. The callout info of the request says what is to happen:
 *
 *   instantiate:PAYLOAD    negate:SECONDS    reject:SECONDS:ERRNO
 *
 * each with "hold:PATH:" before it to wait first until somebody opens the FIFO at PATH
 * for writing; it is made here.
 */
#ifndef SCENARIO_UPCALL_H
#define SCENARIO_UPCALL_H

/* The arguments as the kernel gives them: create KEY UID GID RINGS. Returns the exit
 * status. */
int sc_upcall(int argc, char **argv);

#endif
