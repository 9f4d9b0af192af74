/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deadline.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* This is called in a thread of its own. The handler of a signal would not be called while a
 * request waits that was interrupted already; the end of the process ends such a request, too.
 */
static void end(union sigval status)
{
	_exit(status.sival_int);
}

static void complain(void)
{
	fprintf(stderr, "wqctl: --timeout: %s\n", strerror(errno));
}

bool deadline_set(struct deadline *d, uint64_t due_ns, int status)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_notify_function = end,
		.sigev_value.sival_int = status,
	};
	const struct itimerspec due = {
		.it_value.tv_sec = (time_t)(due_ns / WQ_NSEC_PER_SEC),
		.it_value.tv_nsec = (long)(due_ns % WQ_NSEC_PER_SEC),
	};

	if (timer_create(CLOCK_MONOTONIC, &event, &d->timer)) {
		complain();
		return false;
	}
	d->set = true;
	if (!timer_settime(d->timer, TIMER_ABSTIME, &due, NULL))
		return true;
	complain();
	deadline_clear(d);
	return false;
}

void deadline_clear(struct deadline *d)
{
	if (d->set)
		timer_delete(d->timer);
	d->set = false;
}
