/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that wait. A request is parked, perhaps in a line with others that wait for the same
 * thing. It is completed when its wait ends: by what it waits for, an interrupt, the close of
 * its descriptor, or the end of the daemon. Nothing here blocks.
 */
#ifndef WQ_PARKED_H
#define WQ_PARKED_H

#include "fuse/server.h"

struct wqfs_ordered;

/* A parked request is on fs->parked, on the list of its handle, and perhaps in a line.
 * wqfs_unpark() takes it off these lists; then it is answered and freed. */
struct wq_parked {
	struct wqfs *fs;
	fuse_req_t req;
	enum wq_wait wait;
	struct wq_handle *handle; /* NULL: for the root directory */
	uint64_t at_ns;		  /* when it came */
	union {
		struct {
			size_t size;
			int otherwise;	  /* the reply if nothing is there; > 0: it waits */
			bool by_ioctl;	  /* WQFS_IOC_READ */
			bool early;	  /* more may follow that was done before */
			bool interrupted; /* it has a signal, and waits for nothing */
			uint64_t cpu_ns; /* the daemon's clock when it began to wait for that */
		} read;			 /* RECORD */
		struct {
			struct wqfs_watch_key watch;
			struct wq_node *node;
			bool by_attr; /* it sets user.wqfs.watches */
		} construct;	      /* CONSTRUCT */
		struct {
			struct wqfs_ordered *what; /* owned; NULL: it is being carried out */
			bool interrupted;	   /* it has a signal */
			uint64_t cpu_ns;	   /* the daemon's clock when it came */
		} order;			   /* ORDER */
		struct wq_user_mem mem;
		struct wq_keys_sync sync;
	};
	bool syncing; /* the bridge has SYNC */
	TAILQ_ENTRY(wq_parked) all;
	TAILQ_ENTRY(wq_parked) of_handle;
	struct wq_parked_list *line; /* its line; NULL: none */
	TAILQ_ENTRY(wq_parked) in_line;
};

/* Parks REQ, which waits for what WAIT names, through HANDLE, which may be NULL. The caller
 * fills in what else WAIT needs, then calls wqfs_may_interrupt() or wqfs_on_interrupt(). NULL:
 * no memory, and REQ is not answered. */
struct wq_parked *wqfs_park(fuse_req_t req, enum wq_wait wait, struct wq_handle *handle);

/* Puts P at the end of LINE; it leaves the line that it is in, if it is in one. */
void wqfs_line_up(struct wq_parked *p, struct wq_parked_list *line);

/* The same at its beginning. */
void wqfs_line_up_first(struct wq_parked *p, struct wq_parked_list *line);

/* P has been in LINE before, and takes its place there again: before those who came later. */
void wqfs_line_up_again(struct wq_parked *p, struct wq_parked_list *line);

/* All of P is filled in. From now on it can be interrupted; if it was already interrupted it is
 * completed now, and freed. */
void wqfs_may_interrupt(struct wq_parked *p);

/* The same, but FN is called with P's request and P, and decides. */
void wqfs_on_interrupt(struct wq_parked *p, fuse_interrupt_func_t fn);

/* P waits no longer, and what was begun for it is cancelled. The caller answers
 * and frees it. */
void wqfs_unpark(struct wq_parked *p);

/* The same, and frees P: its request goes on, and cannot be interrupted until it is parked
 * again. */
void wqfs_release(struct wq_parked *p);

/* Gives LEN bytes of BUF to P, a reader that was unparked. 0, or -errno: they
 * did not arrive. */
int wqfs_give(const struct wq_parked *p, const char *buf, size_t len);

/* Unparks P, answers it with R (0 or -errno) and frees it. A reader's 0 is end of file. A
 * poller gets no event. */
void wqfs_complete(struct wq_parked *p, int r);

#endif
