/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signal that comes after a program has begun to wait for a queue ends the wait, although the
 * library of wqrun has work to do before it really waits.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib.h"

static int gate[2];

static pid_t start_waiting(const char *how)
{
	char key[16], fd[16];
	const char *argv[] = {WQRUN, "-f", "-m", IT_MNT, WAITS, how, key, fd, NULL};

	snprintf(key, sizeof(key), "%d", it_key("wqfs-test:a"));
	snprintf(fd, sizeof(fd), "%d", gate[0]);
	setenv("WQRUN_SHIM", SHIM, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1); /* the library comes first */
	return it_spawn(argv, "program.out");
}

/* The daemon is stopped, so that the program is held up in its first request. */
static void signal_ends(const char *how)
{
	pid_t daemon = it_start(NULL), program;
	char error[64];

	IT_EQ(pipe(gate), 0);
	program = start_waiting(how);
	IT_UNTIL(it_reads(program, gate[0]));
	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_EQ(write(gate[1], "", 1), 1);
	IT_UNTIL(!it_reads(program, gate[0]) && it_state(program) == 'S');
	IT_EQ(kill(program, SIGUSR1), 0);
	IT_EQ(kill(daemon, SIGCONT), 0);
	IT_EQ(it_wait(program), 1);
	snprintf(error, sizeof(error), "%s: Interrupted system call\n", how);
	IT_STR(it_text("program.out"), error);
}

#define ENDS(how)                    \
	static void how##_ends(void) \
	{                            \
		signal_ends(#how);   \
	}

ENDS(poll)
ENDS(ppoll)
ENDS(select)
ENDS(pselect)
ENDS(read)
ENDS(readv)

static const struct it_test tests[] = {
	{"a signal ends poll() of a queue, however early it comes", poll_ends},
	{"a signal ends ppoll() of a queue, however early it comes", ppoll_ends},
	{"a signal ends select() of a queue, however early it comes", select_ends},
	{"a signal ends pselect() of a queue, however early it comes", pselect_ends},
	{"a signal ends read() of a queue, however early it comes", read_ends},
	{"a signal ends readv() of a queue, however early it comes", readv_ends},
};

IT_MAIN(tests)
