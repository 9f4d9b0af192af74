/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Constructs a key for the kernel: on a test machine this program is /sbin/request-key. The
 * callout info of the request says what to do:
 *
 *   instantiate:PAYLOAD    negate:SECONDS    reject:SECONDS:ERRNO
 *
 * With "hold:PATH:" before it, it first makes a FIFO at PATH, and waits until somebody opens
 * that for writing.
 */
#ifndef SCENARIO_UPCALL_H
#define SCENARIO_UPCALL_H

/* Takes the kernel's arguments: create KEY UID GID RINGS. Returns the exit status. */
int sc_upcall(int argc, char **argv);

#endif
