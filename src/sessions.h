/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which session keyring a thread has, learnt from what it and its relatives were told:
 * the kernel shows it nowhere. Join and fork are followed; what is not certain is not
 * said. A caller still checks what it can: an orphan's parent is not the one it was
 * forked by.
 */
#ifndef WQ_SESSIONS_H
#define WQ_SESSIONS_H

#include <stdint.h>
#include <sys/types.h>

#include "task.h"

struct wq_sessions;

/* What happened before SINCE_NS is not known. NULL: no memory. */
struct wq_sessions *wq_sessions_new(uint64_t since_ns);
void wq_sessions_free(struct wq_sessions *s);

/* T was told at AT_NS that its session keyring is SERIAL, and has had it since it last
 * joined one. Its parent had the same when it forked T, if T never joined. */
void wq_sessions_told(
	struct wq_sessions *s, const struct wq_task *t, int32_t serial, uint64_t at_ns);

/* Thread TID has joined SERIAL at AT_NS. */
void wq_sessions_joined(struct wq_sessions *s, pid_t tid, int32_t serial, uint64_t at_ns);

/* TID's session keyring at AT_NS, or 0: not known. T is its task, or NULL if it is gone. */
int32_t wq_sessions_find(const struct wq_sessions *s, pid_t tid, const struct wq_task *t,
	struct wq_tasks *tasks, uint64_t at_ns);

#endif
