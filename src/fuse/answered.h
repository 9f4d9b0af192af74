/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers that have been answered and have not asked for anything since. One that is killed
 * before it gets a CPU takes the answer with it: its queue gets a LOSS.
 */
#ifndef WQ_ANSWERED_H
#define WQ_ANSWERED_H

#include "fuse/server.h"

/* TID, which is about to be answered. */
struct wqfs_answer wqfs_answer_begins(pid_t tid);

/* The answer, of records of the queue INO, has been given. */
void wqfs_answer_given(struct wqfs *fs, const struct wqfs_answer *answer, uint64_t ino);

/* TID asks for something: what it was answered before has arrived. */
void wqfs_answer_arrived(struct wqfs *fs, pid_t tid);

/* Looks at none of them any more. */
void wqfs_answers_fini(struct wqfs *fs);

#endif
