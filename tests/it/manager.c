/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib.h"

static int manager;

void it_be_manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	IT_OK(manager >= 0);
	IT_EQ(bind(manager, (const struct sockaddr *)&at,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	IT_EQ(setenv("NOTIFY_SOCKET", name, 1), 0);
}

void it_be_some_manager(void)
{
	char name[64];

	snprintf(name, sizeof(name), "@wqfs-test-%d", (int)getpid());
	it_be_manager(name);
}

const char *it_message(void)
{
	static char text[4096];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	IT_OK(n > 0);
	text[n] = '\0';
	return text;
}

const char *it_message_of_state(void)
{
	const char *is = it_message();

	while (!strcmp(is, "WATCHDOG=1"))
		is = it_message();
	return is;
}

bool it_no_message_is_left(void)
{
	char c;

	return recv(manager, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
