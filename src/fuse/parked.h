/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that wait. One is parked, perhaps lined up behind others that wait for the same,
 * and completed by whatever ends the wait: what it waits for, an interrupt, the close of its
 * descriptor or the end of the daemon. Nothing here blocks.
 */
#ifndef WQ_PARKED_H
#define WQ_PARKED_H

#include "fuse/server.h"

/* It is on fs->parked, and on the lists of its handle and of those who wait for the same;
 * wqfs_unpark() takes it off, and then it is answered and freed. */
struct wq_parked {
	struct wqfs *fs;
	fuse_req_t req;
	enum wq_wait wait;
	struct wq_handle *handle; /* NULL: the root directory's */
	union {
		struct {
			size_t size;
			int otherwise; /* where nothing is there; > 0: it waits */
			bool by_ioctl; /* WQFS_IOC_READ */
		} read;		       /* RECORD */
		struct {
			struct wqfs_watch_key watch;
			uint64_t ask_ns; /* when its key is asked for again */
			uint64_t wait_ns;
		} construct; /* CONSTRUCT */
		struct wq_user_mem mem;
		struct wq_keys_sync sync;
	};
	bool syncing; /* sync is with the bridge */
	TAILQ_ENTRY(wq_parked) all;
	TAILQ_ENTRY(wq_parked) of_handle;
	struct wq_parked_list *line; /* who waits for the same; NULL: nobody else can */
	TAILQ_ENTRY(wq_parked) in_line;
};

/* REQ waits for what WAIT says, through HANDLE, which may be NULL. What else WAIT needs the
 * caller fills in, then calls wqfs_may_interrupt(). NULL: no memory, REQ is not answered. */
struct wq_parked *wqfs_park(fuse_req_t req, enum wq_wait wait, struct wq_handle *handle);

/* P waits behind those of LINE, and in no other line any more. */
void wqfs_line_up(struct wq_parked *p, struct wq_parked_list *line);

/* All of P is filled in: from here on it may be interrupted, perhaps it is already (and gone).
 */
void wqfs_may_interrupt(struct wq_parked *p);

/* P waits no longer, and what was begun for it is cancelled. The caller answers and frees it.
 */
void wqfs_unpark(struct wq_parked *p);

/* P is a reader's and was unparked: it is given LEN bytes of BUF. 0 or -errno: they did not
 * arrive. */
int wqfs_give(const struct wq_parked *p, const char *buf, size_t len);

/* Unparks P, answers it with R, 0 or -errno, and frees it. A reader's 0 is the end of file. */
void wqfs_complete(struct wq_parked *p, int r);

#endif
