/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Setting the filter of a queue, by the caller's memory or by what the request brings. */
#ifndef WQ_FILTERS_H
#define WQ_FILTERS_H

#include "fuse/server.h"

/* IOC_WATCH_QUEUE_SET_FILTER: ADDRESS is in the caller's memory; 0 removes the filter. Answers
 * REQ, now or later. */
void wqfs_set_filter(fuse_req_t req, struct wq_handle *h, uint64_t address);

/* WQFS_IOC_SET_FILTER: F, of which no rule removes the filter. 0 or the errors of
 * wq_filter_parse(). */
int wqfs_set_sized_filter(struct wq_handle *h, const struct wqfs_filter *f);

#endif
