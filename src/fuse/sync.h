/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that wait until all earlier changes are in the queues, or until they
 * have been read. */
#ifndef WQ_SYNC_H
#define WQ_SYNC_H

#include "fuse/server.h"

/* WQFS_IOC_SYNC (WAIT is WQ_WAIT_SYNC; H may be NULL); or PIPE_IOC_SYNC (WQ_WAIT_DRAIN), which
 * then waits until H's queue is empty. Answers REQ, now or later. */
void wqfs_sync(fuse_req_t req, enum wq_wait wait, struct wq_handle *h);

/* All of NODE has been read: completes the requests that wait for that. */
void wqfs_drained(struct wq_node *node);

#endif
