/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What GNOME Online Accounts does to hear of Kerberos tickets: a queue of 256 records
 * filtered for key notifications, watches on the session and the user keyring, and a
 * main loop that polls and then reads 433 bytes. It prints a line a record, until it is
 * told to end by SIGTERM. "watching" is printed when it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <keyutils.h>

#include "wqfs.h"

#define BUFFER_SIZE 433

static int quit_pipe[2];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void on_term(int sig __attribute__((unused)))
{
	if (write(quit_pipe[1], "", 1) != 1)
		_exit(1);
}

static int open_queue(void)
{
	union {
		struct watch_notification_filter filter;
		char room[sizeof(struct watch_notification_filter) +
			  sizeof(struct watch_notification_type_filter)];
	} u = {.filter.nr_filters = 1};
	int fds[2];

	u.filter.filters[0] = (struct watch_notification_type_filter){
		.type = WATCH_TYPE_KEY_NOTIFY, .subtype_filter = {~0U}};
	if (pipe2(fds, O_NOTIFICATION_PIPE | O_CLOEXEC | O_NONBLOCK))
		die("pipe2");
	if (ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, 256))
		die("IOC_WATCH_QUEUE_SET_SIZE");
	if (ioctl(fds[0], IOC_WATCH_QUEUE_SET_FILTER, &u.filter))
		die("IOC_WATCH_QUEUE_SET_FILTER");
	if (keyctl_watch_key(KEY_SPEC_SESSION_KEYRING, fds[0], 0x01) ||
		keyctl_watch_key(KEY_SPEC_USER_KEYRING, fds[0], 0x02))
		die("keyctl_watch_key");
	return fds[0];
}

static void print_record(const struct watch_notification *n, size_t len)
{
	static const char *const names[] = {"instantiated", "updated", "linked", "unlinked",
		"cleared", "revoked", "invalidated", "setattr"};
	const char *ring = (n->info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT == 1 ? "@s" : "@u";

	if (n->type == WATCH_TYPE_KEY_NOTIFY && len == sizeof(struct key_notification) &&
		n->subtype < sizeof(names) / sizeof(names[0]))
		printf("%s %s\n", ring, names[n->subtype]);
	else
		printf("%s %u.%u of %zu bytes\n", ring, n->type, n->subtype, len);
	fflush(stdout);
}

static void read_records(int fd)
{
	char buffer[BUFFER_SIZE];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		die("read");
	for (ssize_t at = 0; at < n;) {
		struct watch_notification head;
		size_t len;

		memcpy(&head, buffer + at, sizeof(head));
		len = head.info & WATCH_INFO_LENGTH;
		if (len < sizeof(head) || len > (size_t)(n - at))
			exit(1);
		print_record(&head, len);
		at += (ssize_t)len;
	}
}

int main(void)
{
	struct pollfd fds[2];

	if (pipe2(quit_pipe, O_CLOEXEC))
		die("pipe2");
	signal(SIGTERM, on_term);
	fds[0] = (struct pollfd){.fd = open_queue(), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = quit_pipe[0], .events = POLLIN};
	puts("watching");
	fflush(stdout);
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents)
			return 0;
		if (fds[0].revents)
			read_records(fds[0].fd);
	}
}
