/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts the filesystem that a scenario runs on, and ends it again.
 */
#ifndef SCENARIO_DAEMON_H
#define SCENARIO_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct sc_daemon {
	const char *dir;
	dev_t below; /* the filesystem of DIR while nothing is mounted there */
	pid_t pid;
	int pidfd;
};

/* Starts COMMAND (words; it stays in the foreground and mounts at DIR) as a child, which shares
 * the caller's session keyring and does not outlive the caller. Waits until DIR is mounted. 0;
 * or -1 with a reason on stderr, and nothing left behind. */
int sc_daemon_start(struct sc_daemon *daemon, const char *command, const char *dir);

/* Unmounts and waits for the end of the daemon. 0; or -1 with a reason on stderr: it was busy,
 * hung, or ended with a status other than 0. */
int sc_daemon_stop(struct sc_daemon *daemon);

/* Cleans up after a process that could not stop its daemon: unmounts DIR if a mount is on top
 * of BELOW. True if there was one. */
bool sc_daemon_sweep(const char *dir, dev_t below);

/* The filesystem of DIR. Ends the process if there is no DIR. */
dev_t sc_daemon_device(const char *dir);

#endif
