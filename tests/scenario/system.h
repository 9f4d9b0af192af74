/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a scenario runs against: the kernel's facility (or what stands in for it behind
 * the same calls), or a mounted wqfs.
 */
#ifndef SCENARIO_SYSTEM_H
#define SCENARIO_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wqfs.h"

/* How a mounted wqfs learns of what the scenario does to keys. */
enum sc_told_by {
	SC_TOLD_BY_SYNC,   /* it is asked to look after every change */
	SC_TOLD_BY_REPORT, /* it is told every change */
	SC_TOLD_BY_NONE,   /* it finds out by itself, and readers wait for it */
};

struct sc_system;

/* pipe2(O_NOTIFICATION_PIPE) and keyctl(KEYCTL_WATCH_KEY). */
const struct sc_system *sc_system_native(void);

/* Queues are files in DIR, which is kept. */
const struct sc_system *sc_system_wqfs(const char *dir, enum sc_told_by told_by);

/* Makes queue NAME. FD[0] reads; FD[1] is the writing end, or -1 where there is none.
 * 0 or -errno. */
int sc_system_queue(const struct sc_system *sys, const char *name, bool nonblock, int fd[2]);

/* Watches KEY, which may be a special keyring, with ID, or with -1 stops doing so. 0 or
 * -errno. */
long sc_system_watch(const struct sc_system *sys, int fd, int32_t key, long id);

/* Something was done to keys: REPORT says what, or is NULL if only time went by. FD is a
 * queue of the system. May block until the system has looked. */
void sc_system_changed(
	const struct sc_system *sys, int fd, const struct wqfs_key_report *report);

/* Before a step that reads: waits, if the system does not keep step, until BYTES are
 * queued at FD, for a few seconds at most. */
void sc_system_await_bytes(const struct sc_system *sys, int fd, size_t bytes);

/* Whether the system has always dealt with a change by the time its step is over. */
bool sc_system_keeps_step(const struct sc_system *sys);

/* How many records a system that does not keep step has had for the queue, in whatever way
 * it dealt with them. */
uint64_t sc_system_told(const struct sc_system *sys, int fd);

/* The kernel takes a collected key off its lists first and tells its watchers later: waits
 * until those of every key that is off the lists by now have been told. Uses the caller's
 * thread keyring. */
void sc_system_await_collector(const struct sc_system *sys);

/* Removes queue NAME, if it has a name. */
void sc_system_remove(const struct sc_system *sys, const char *name);

#endif
