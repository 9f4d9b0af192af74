/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells the service manager how the daemon is: the protocol of sd_notify(3), for
 * Type=notify. */
#ifndef WQ_NOTIFY_H
#define WQ_NOTIFY_H

#include <stdint.h>

#include "base/loop.h"

/* All zero: it tells nobody anything. */
struct wq_notify {
	int fd; /* connected to the manager's socket; 0: there is no manager */
	struct wq_loop *loop;
	uint64_t watchdog_ns; /* the manager wants a sign of life this often; 0: it does not */
	struct wq_timer watchdog;
};

/* Connects to the manager that $NOTIFY_SOCKET names: a path, or @ and a name of the abstract
 * namespace. If $WATCHDOG_USEC (microseconds) is set for this process, which $WATCHDOG_PID
 * names, N sends signs of life from LOOP, two in each such time, so that they stop if the loop
 * hangs. Without a manager N does nothing. Removes the three variables, so that no child speaks
 * for the daemon. */
void wq_notify_open(struct wq_notify *n, struct wq_loop *loop);

/* Sends lines such as "READY=1". Never waits: what a full socket does not take is lost, since
 * nothing here is worth a standing mount. */
void wq_notify(struct wq_notify *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void wq_notify_close(struct wq_notify *n);

#endif
