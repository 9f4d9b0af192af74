/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ready.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool ready_open(struct ready *ready, struct wq_loop *loop, int fd)
{
	*ready = (struct ready){.fd = fd};
	/* No program that we start holds it open. */
	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr, "wqctl: --ready-fd %d: %s\n", fd, strerror(errno));
		return false;
	}
	wq_notify_open(&ready->notify, loop);
	return true;
}

static void close_fd(struct ready *ready)
{
	if (ready->fd >= 0)
		close(ready->fd);
	ready->fd = -1;
}

void ready_tell(struct ready *ready, const char *status)
{
	if (ready->fd >= 0)
		(void)!write(ready->fd, "ready\n", sizeof("ready\n") - 1);
	close_fd(ready);
	wq_notify(&ready->notify, "READY=1\nSTATUS=%s", status);
}

void ready_close(struct ready *ready)
{
	close_fd(ready);
	wq_notify_close(&ready->notify);
}
