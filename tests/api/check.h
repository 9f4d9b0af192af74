/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For programs that check what the kernel's notification queues are relied on for, a sentence
 * a check, in TAP. They know nothing of wqfs: all checks hold on a kernel with
 * CONFIG_WATCH_QUEUE, and are to hold under wqrun. To ask the kernel:
 *
 *   tests/golden/record --run --add /lib/x86_64-linux-gnu/libgcc_s.so.1 PROGRAM
 */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <errno.h>
#include <keyutils.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "../error_name.h"
#include "wqfs.h"

#define RECORD	   ((ssize_t)sizeof(struct key_notification))
#define NO_ADDRESS ((void *)8)

/* Ends the check as failed if CONDITION is false. */
#define HOLDS(condition)                                                           \
	do {                                                                       \
		if (!(condition)) {                                                \
			printf("# line %d: %s (errno %s)\n", __LINE__, #condition, \
				test_error_name(errno));                           \
			return false;                                              \
		}                                                                  \
	} while (0)

#define FAILS(call, error) HOLDS((call) == -1 && errno == (error))

struct api_check {
	const char *name;
	bool (*holds)(void);
};

#define CHECK(function)             \
	{                           \
#function, function \
	}

/* Runs N checks. Returns what main() is to return. */
int api_main(const struct api_check *checks, int n);

#define API_MAIN(checks)                                                       \
	int main(void)                                                         \
	{                                                                      \
		return api_main(checks, sizeof(checks) / sizeof((checks)[0])); \
	}

/* A user key in the session keyring, which is a new one. */
extern key_serial_t key;

/* A queue of 32 records that watches the key, made for each check and closed after it. A check
 * that closes an end stores -1. */
extern int q[2];

/* Posts one record to the queue. */
bool update(void);

int count_descriptors(void);

/* Waits until thread TID is in STATE, as /proc shows it, or has ended. */
void wait_for_state(pid_t tid, char state);

/* Installs a handler of SIGUSR1 with FLAGS. The handler sets HANDLED, which is 0 at first. */
extern volatile sig_atomic_t handled;
void handler(int sig);
void set_handler(int flags);

/* Runs DISTURB in a child when this process sleeps, and updates the key when it sleeps again.
 * Returns the child's pid. */
pid_t start_disturber(void (*disturb)(pid_t pid));

/* Sends SIGUSR1, and waits until PID has taken it. */
void send_signal(pid_t pid);

#endif
