/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets the filter of a queue, from the caller's memory or from the request itself. */
#ifndef WQ_FILTERS_H
#define WQ_FILTERS_H

#include "fuse/server.h"

/* IOC_WATCH_QUEUE_SET_FILTER: ADDRESS is in the caller's memory; 0 removes the filter. Answers
 * REQ, now or later. */
void wqfs_set_filter(fuse_req_t req, struct wq_handle *h, uint64_t address);

/* WQFS_IOC_SET_FILTER: sets F; an F without rules removes the filter. 0, or an error of
 * wq_filter_parse(). */
int wqfs_set_sized_filter(struct wq_handle *h, const struct wqfs_filter *f);

#endif
