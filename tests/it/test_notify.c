/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon tells the service manager, which is a socket of the test's here. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib.h"

static int manager;

/* Binds the socket to NAME, as $NOTIFY_SOCKET has it. */
static void be_manager(const char *name)
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

/* A name of this test's in the abstract namespace. Static. */
static const char *abstract_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "@wqfs-test-%d", (int)getpid());
	return name;
}

/* The next message. */
static const char *message(void)
{
	static char text[4096];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	IT_OK(n > 0);
	text[n] = '\0';
	return text;
}

static bool none_is_left(void)
{
	char c;

	return recv(manager, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void manager_is_told(const char *name)
{
	pid_t daemon;
	const char *is;

	be_manager(name);
	daemon = it_start(NULL);
	is = message();
	IT_OK(!strncmp(is, "READY=1\nSTATUS=/", 16));
	IT_OK(strstr(is, "/mnt: changes of keys are learned by poll"));
	IT_OK(none_is_left());
	it_stop(daemon);
	IT_STR(message(), "STOPPING=1");
	IT_STR(message(), "EXTEND_TIMEOUT_USEC=60000000");
	IT_OK(none_is_left());
}

static void manager_at_a_path_is_told(void)
{
	char name[200], here[150];

	IT_OK(getcwd(here, sizeof(here)));
	snprintf(name, sizeof(name), "%s/notify", here);
	if (strlen(name) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		it_skip("the test's directory has too long a name: %s", here);
	manager_is_told(name);
}

static void manager_without_a_path_is_told(void)
{
	manager_is_told(abstract_name());
}

/* Signs of life may come before the mount answers. */
static void await_ready(void)
{
	const char *is = message();

	while (!strcmp(is, "WATCHDOG=1"))
		is = message();
	IT_OK(!strncmp(is, "READY=1\n", 8));
}

/* The signs come from the loop: they end if it hangs. */
static void signs_of_life_come_while_the_loop_turns(void)
{
	pid_t daemon;

	be_manager(abstract_name());
	IT_EQ(setenv("WATCHDOG_USEC", "20000", 1), 0);
	daemon = it_start(NULL);
	await_ready();
	for (int i = 0; i < 5; i++)
		IT_STR(message(), "WATCHDOG=1");
	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon) == 'T');
	while (!none_is_left())
		;
	IT_OK(none_is_left());
	IT_EQ(kill(daemon, SIGCONT), 0);
	IT_STR(message(), "WATCHDOG=1");
	it_stop(daemon);
}

static void watchdog_of_another_process_is_not_fed(void)
{
	pid_t daemon;

	be_manager(abstract_name());
	IT_EQ(setenv("WATCHDOG_USEC", "1000", 1), 0);
	IT_EQ(setenv("WATCHDOG_PID", "1", 1), 0);
	daemon = it_start(NULL);
	IT_OK(!strncmp(message(), "READY=1", 7));
	it_stop(daemon);
	IT_STR(message(), "STOPPING=1");
}

/* What is not told is no reason to wait, or to end. */
static void manager_that_reads_nothing_holds_nothing_up(void)
{
	pid_t daemon;
	int fd;

	be_manager(abstract_name());
	IT_EQ(setenv("WATCHDOG_USEC", "200", 1), 0);
	daemon = it_start(NULL);
	for (int i = 0; i < 1000; i++) {
		fd = it_queue("q", O_RDONLY);
		IT_OK(fd >= 0);
		close(fd);
	}
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"a manager at a path learns when the mount is ready, and of the end",
		manager_at_a_path_is_told},
	{"so does one without a path", manager_without_a_path_is_told},
	{"signs of life come while the loop turns", signs_of_life_come_while_the_loop_turns},
	{"the watchdog of another process is not fed", watchdog_of_another_process_is_not_fed},
	{"a manager that reads nothing holds nothing up",
		manager_that_reads_nothing_holds_nothing_up},
};

IT_MAIN(tests)
