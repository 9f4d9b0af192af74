/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for the records of a key, and says of each " upd".
 *
 *   waits epoll|poll|ppoll|select|pselect|read|readv KEY [FD]
 *
 * In all but the last two it waits for a pipe too, as event loops wait for more than a
 * queue. With FD it reads a byte from there before each wait. SIGUSR1 has a handler, and so
 * ends a wait with EINTR, but epoll_wait(). It knows nothing of wqfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <unistd.h>
#include <keyutils.h>

#include "wqfs.h"

static int pipe_fd(void)
{
	int fds[2];

	return pipe(fds) ? -1 : fds[0];
}

static int by_poll(const char *how, int fd, int other)
{
	struct pollfd p[] = {{other, POLLIN, 0}, {fd, POLLIN, 0}};

	return *how == 'p' && how[1] == 'p' ? ppoll(p, 2, NULL, NULL) : poll(p, 2, -1);
}

static int by_select(const char *how, int fd, int other)
{
	fd_set set;
	int n = (fd > other ? fd : other) + 1;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	FD_SET(other, &set);
	return *how == 'p' ? pselect(n, &set, NULL, NULL, NULL, NULL)
			   : select(n, &set, NULL, NULL, NULL);
}

/* A stop or the freezer ends epoll_wait() with EINTR, see signal(7). */
static int by_epoll(int fd, int other)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(0), n = -1;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 &&
		epoll_ctl(epoll, EPOLL_CTL_ADD, other, &event) == 0)
		do
			n = epoll_wait(epoll, &event, 1, -1);
		while (n < 0 && errno == EINTR);
	close(epoll);
	return n;
}

static bool waits_before(const char *how, int fd, int other)
{
	if (!strcmp(how, "epoll"))
		return by_epoll(fd, other) == 1;
	if (strstr(how, "poll"))
		return by_poll(how, fd, other) == 1;
	return by_select(how, fd, other) == 1;
}

static ssize_t by_readv(int fd, char *buf, size_t size)
{
	struct iovec to[2] = {{buf, 10}, {buf + 10, size - 10}};

	return readv(fd, to, 2);
}

static void on_signal(int sig __attribute__((unused)))
{
}

int main(int argc, char **argv)
{
	bool by_read = argc > 2 && !strncmp(argv[1], "read", 4);
	struct sigaction sa = {.sa_handler = on_signal};
	int fds[2], other = pipe_fd();
	char buf[1024];

	if (argc < 3 || argc > 4 || other < 0 || sigaction(SIGUSR1, &sa, NULL) ||
		pipe2(fds, O_NOTIFICATION_PIPE | (by_read ? 0 : O_NONBLOCK)) ||
		ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, 32) ||
		keyctl_watch_key(atoi(argv[2]), fds[0], 1)) {
		perror(argv[0]);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (argc < 4 || read(atoi(argv[3]), buf, 1) == 1) {
		bool ready = by_read || waits_before(argv[1], fds[0], other);
		ssize_t len = !ready		  ? -1
			      : argv[1][4] == 'v' ? by_readv(fds[0], buf, sizeof(buf))
						  : read(fds[0], buf, sizeof(buf));

		if (len <= 0) {
			perror(argv[1]);
			return 1;
		}
		for (; len > 0; len -= 16)
			puts(" upd");
	}
	return 0;
}
