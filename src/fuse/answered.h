/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers that were answered and have made no request since. One that is killed before it runs
 * on a CPU takes the answer away: its queue gets a LOSS.
 */
#ifndef WQ_ANSWERED_H
#define WQ_ANSWERED_H

#include "fuse/server.h"

/* Begins the answer to TID. The caller is about to send it. */
struct wqfs_answer wqfs_answer_begins(struct wqfs *fs, pid_t tid);

/* The answer, with records of the queue INO, was sent. */
void wqfs_answer_given(struct wqfs *fs, const struct wqfs_answer *answer, uint64_t ino);

/* TID makes a request: the last answer has arrived. */
void wqfs_answer_arrived(struct wqfs *fs, pid_t tid);

/* Follows none of them any more. */
void wqfs_answers_fini(struct wqfs *fs);

#endif
