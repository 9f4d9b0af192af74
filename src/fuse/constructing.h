/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watching a key, which may be under construction: then the request waits, and the key is asked
 * for again and again, each time later. Asking may take a millisecond, which the user pays for
 * who waits.
 */
#ifndef WQ_CONSTRUCTING_H
#define WQ_CONSTRUCTING_H

#include "fuse/server.h"

/* WQFS_IOC_WATCH_KEY: H's queue watches what W says. Answers REQ, now or later. */
void wqfs_watch_key(fuse_req_t req, struct wq_handle *h, const struct wqfs_watch_key *w);

/* No key is asked for any more. Those who wait stay parked. */
void wqfs_stop_asking(struct wqfs *fs);

#endif
