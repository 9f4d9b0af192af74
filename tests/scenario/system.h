/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a scenario runs on: the kernel's facility (or what replaces it behind the same calls),
 * or a mounted wqfs.
 */
#ifndef SCENARIO_SYSTEM_H
#define SCENARIO_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wqfs.h"

/* How a mounted wqfs learns of what the scenario does to keys. */
enum sc_learns_by {
	SC_LEARNS_BY_SYNC,   /* by a sync after every change */
	SC_LEARNS_BY_REPORT, /* by a report of every change */
	SC_LEARNS_BY_NONE,   /* by itself, and readers wait for that */
};

struct sc_system;

/* pipe2(O_NOTIFICATION_PIPE) and keyctl(KEYCTL_WATCH_KEY). */
const struct sc_system *sc_system_native(void);

/* Queues are files in DIR, which is not copied. */
const struct sc_system *sc_system_wqfs(const char *dir, enum sc_learns_by learns_by);

/* Makes queue NAME. FD[0] is the reading end; FD[1] is the writing end, or -1 if there is none.
 * 0 or -errno. */
int sc_system_queue(const struct sc_system *sys, const char *name, bool nonblock, int fd[2]);

/* Watches KEY, which may be a special keyring, with ID; -1 removes the watch. 0 or -errno. */
long sc_system_watch(const struct sc_system *sys, int fd, int32_t key, long id);

/* A key is about to be changed, as REPORT says, whose end_ns is 0. What a snapshot shows then
 * is not told before sc_system_changed() has the same report with its end, also of a failure.
 */
void sc_system_changes(
	const struct sc_system *sys, int fd, const struct wqfs_key_report *report);

/* Something was done to keys. REPORT says what; NULL: only time has passed. FD is a queue of
 * the system. May block until the system has taken a snapshot. */
void sc_system_changed(
	const struct sc_system *sys, int fd, const struct wqfs_key_report *report);

/* Before a step that reads: if the system does not keep step, waits a few seconds at most until
 * BYTES are queued at FD. */
void sc_system_await_bytes(const struct sc_system *sys, int fd, size_t bytes);

/* What WQFS_IOC_GET_BYTES tells of FD, or -errno, at once. False: no mount is asked. */
bool sc_system_tells_bytes(const struct sc_system *sys, int fd, long *bytes);

/* Has the system always handled a change when its step ends? */
bool sc_system_keeps_step(const struct sc_system *sys);

/* How many records a system that does not keep step has had for the queue, whatever has become
 * of them. */
uint64_t sc_system_learned(const struct sc_system *sys, int fd);

/* The kernel removes a collected key from its lists first, and posts to its watches later. This
 * waits until that has happened for every key that has been removed by now, or at least has no
 * link any more: a key that the caller may not View is in no list. Uses the caller's thread
 * keyring. */
void sc_system_await_collector(const struct sc_system *sys);

/* Removes queue NAME, if it has a name. */
void sc_system_remove(const struct sc_system *sys, const char *name);

#endif
