/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service manager for the daemon of a test, which is a socket of the test's. */
#ifndef IT_MANAGER_H
#define IT_MANAGER_H

#include <stdbool.h>

/* Binds the socket to NAME, as $NOTIFY_SOCKET has it: a path, or @ and a name of the abstract
 * namespace. A daemon that is started after that talks to it. */
void it_be_manager(const char *name);

/* The same, with a name of this test's in the abstract namespace. */
void it_be_some_manager(void);

/* Waits for the next message. Static. */
const char *it_message(void);

/* The next message that is no sign of life. Static. */
const char *it_message_of_state(void);

bool it_no_message_is_left(void);

#endif
