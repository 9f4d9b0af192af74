/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/container.h"
#include "base/log.h"
#include "base/notify.h"

#define MESSAGE_MAX 2048

/* Connects a socket to the one that NAME names. A descriptor, or -errno. */
static int connect_to(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	int fd;

	if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, name, length);
	if (name[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* A whole number of the environment; 0 if there is none. */
static uint64_t number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : 0;
}

static uint64_t watchdog_interval(void)
{
	uint64_t us = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");

	if ((pid && pid != (uint64_t)getpid()) || us > UINT64_MAX / 1000)
		return 0;
	return us * 1000;
}

static void on_watchdog(struct wq_timer *timer)
{
	struct wq_notify *n = wq_container_of(timer, struct wq_notify, watchdog);

	wq_notify(n, "WATCHDOG=1");
	wq_timer_set(n->loop, &n->watchdog, wq_now_ns() + n->watchdog_ns / 2);
}

void wq_notify_open(struct wq_notify *n, struct wq_loop *loop)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int fd = name ? connect_to(name) : 0;

	*n = (struct wq_notify){.loop = loop};
	if (fd < 0)
		wq_log(WQ_LOG_WARNING, "the service manager's socket %s: %s", name,
			strerror(-fd));
	else
		n->fd = fd;
	if (n->fd > 0)
		n->watchdog_ns = watchdog_interval();
	n->watchdog.fire = on_watchdog;
	if (n->watchdog_ns)
		on_watchdog(&n->watchdog);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void wq_notify(struct wq_notify *n, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	int length;

	if (n->fd <= 0)
		return;
	va_start(args, format);
	length = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (length >= (int)sizeof(message))
		length = sizeof(message) - 1;
	if (length > 0 && send(n->fd, message, (size_t)length, MSG_NOSIGNAL) < 0)
		wq_log(WQ_LOG_DEBUG, "the service manager was not told %s: %s", message,
			strerror(errno));
}

void wq_notify_close(struct wq_notify *n)
{
	if (n->loop)
		wq_timer_clear(n->loop, &n->watchdog);
	if (n->fd > 0)
		close(n->fd);
	n->fd = 0;
	n->loop = NULL;
}
