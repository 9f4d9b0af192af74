/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells those who started wqctl that its watches stand. */
#ifndef WQ_READY_H
#define WQ_READY_H

#include <stdbool.h>

#include "base/notify.h"

struct ready {
	int fd; /* gets a line and is closed; -1: there is none */
	struct wq_notify notify;
};

/* Opens what $NOTIFY_SOCKET names; see base/notify.h. FD is -1 or READY's from now on. False
 * after an error message: FD is not open. */
bool ready_open(struct ready *ready, struct wq_loop *loop, int fd);

/* Tells READY=1 and STATUS. It is no failure if nobody can be told. */
void ready_tell(struct ready *ready, const char *status);

void ready_close(struct ready *ready);

#endif
