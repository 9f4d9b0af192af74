/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon tells the service manager, which is a socket of the test's here. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib.h"
#include "manager.h"

static void manager_is_told(void)
{
	pid_t daemon;
	const char *is;

	daemon = it_start(NULL);
	is = it_message();
	IT_OK(!strncmp(is, "READY=1\nSTATUS=/", 16));
	IT_OK(strstr(is, "/mnt: changes of keys are learned by poll"));
	IT_OK(it_no_message_is_left());
	it_stop(daemon);
	IT_STR(it_message(), "STOPPING=1");
	IT_STR(it_message(), "EXTEND_TIMEOUT_USEC=60000000");
	IT_OK(it_no_message_is_left());
}

static void manager_at_a_path_is_told(void)
{
	char name[200], here[150];

	IT_OK(getcwd(here, sizeof(here)));
	snprintf(name, sizeof(name), "%s/notify", here);
	if (strlen(name) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		it_skip("the test's directory has too long a name: %s", here);
	it_be_manager(name);
	manager_is_told();
}

static void manager_without_a_path_is_told(void)
{
	it_be_some_manager();
	manager_is_told();
}

/* The signs come from the loop: they end if it hangs. */
static void signs_of_life_come_while_the_loop_turns(void)
{
	pid_t daemon;

	it_be_some_manager();
	IT_EQ(setenv("WATCHDOG_USEC", "20000", 1), 0);
	daemon = it_start(NULL);
	IT_OK(!strncmp(it_message_of_state(), "READY=1\n", 8));
	for (int i = 0; i < 5; i++)
		IT_STR(it_message(), "WATCHDOG=1");
	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon) == 'T');
	while (!it_no_message_is_left())
		;
	IT_OK(it_no_message_is_left());
	IT_EQ(kill(daemon, SIGCONT), 0);
	IT_STR(it_message(), "WATCHDOG=1");
	it_stop(daemon);
}

static void watchdog_of_another_process_is_not_fed(void)
{
	pid_t daemon;

	it_be_some_manager();
	IT_EQ(setenv("WATCHDOG_USEC", "1000", 1), 0);
	IT_EQ(setenv("WATCHDOG_PID", "1", 1), 0);
	daemon = it_start(NULL);
	IT_OK(!strncmp(it_message(), "READY=1", 7));
	it_stop(daemon);
	IT_STR(it_message(), "STOPPING=1");
}

/* What is not told is no reason to wait, or to end. */
static void manager_that_reads_nothing_holds_nothing_up(void)
{
	pid_t daemon;
	int fd;

	it_be_some_manager();
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
