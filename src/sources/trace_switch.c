/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "sources/trace_switch.h"

int wq_switches_add(struct wq_switches *s, int fd)
{
	if (fd < 0)
		return -errno;
	if (s->n == WQ_SWITCHES_MAX) {
		close(fd);
		return -ENOSPC;
	}
	s->fd[s->n++] = fd;
	return 0;
}

bool wq_switches_on(const struct wq_switches *s)
{
	char is;

	for (int i = 0; i < s->n; i++)
		if (pread(s->fd[i], &is, sizeof(is), 0) != sizeof(is) || is != '1')
			return false;
	return true;
}

void wq_switches_close(struct wq_switches *s)
{
	while (s->n)
		close(s->fd[--s->n]);
}
