/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Syncs that no request waits for: poll() reports their end. */
#ifndef WQ_BEGUN_SYNC_H
#define WQ_BEGUN_SYNC_H

#include "fuse/server.h"

/* WQFS_IOC_SYNC_BEGIN: begins a sync whose end poll() reports on H. Answers REQ at once. */
void wqfs_begin_sync(fuse_req_t req, struct wq_handle *h);

/* H is being released: cancels its sync, if there is one. */
void wqfs_forget_sync(struct wq_handle *h);

#endif
