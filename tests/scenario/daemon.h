/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts the filesystem that a scenario runs against, and ends it again.
 */
#ifndef SCENARIO_DAEMON_H
#define SCENARIO_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct sc_daemon {
	const char *dir;
	dev_t below; /* the filesystem that DIR is on while nothing is mounted there */
	pid_t pid;
	int pidfd;
};

/* Starts COMMAND (words; it stays in the foreground and mounts at DIR) as a child that
 * shares the caller's session keyring and does not outlive the caller. Waits until DIR is
 * mounted. 0, or -1 with a reason on stderr: then nothing is left behind. */
int sc_daemon_start(struct sc_daemon *daemon, const char *command, const char *dir);

/* Unmounts and waits for the daemon to end. 0, or -1 with a reason on stderr: it was busy,
 * hung or ended with another status than 0. */
int sc_daemon_stop(struct sc_daemon *daemon);

/* For what is left when the process that started it could not stop it: takes the mount
 * off DIR if there is one on top of BELOW. True if there was. */
bool sc_daemon_sweep(const char *dir, dev_t below);

/* The filesystem that DIR is on. Ends the process if there is no DIR. */
dev_t sc_daemon_device(const char *dir);

#endif
