/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filesystem: its queues, who has them open, and the requests that wait. Nothing outside
 * of fuse/ and wqfs_ops.c knows FUSE requests. Errors inside are -errno; they become FUSE
 * replies here only.
 */
#ifndef WQ_SERVER_H
#define WQ_SERVER_H

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

#include "base/loop.h"
#include "base/shares.h"
#include "fuse/namespace.h"
#include "fuse/piece.h"
#include "fuse/user_mem.h"
#include "keys_bridge.h"

/* Why a request waits. */
enum wq_wait {
	WQ_WAIT_RECORD,	   /* read() */
	WQ_WAIT_SYNC,	   /* WQFS_IOC_SYNC: for a look at every key */
	WQ_WAIT_DRAIN,	   /* PIPE_IOC_SYNC: for a look, then until all is read */
	WQ_WAIT_FILTER,	   /* IOC_WATCH_QUEUE_SET_FILTER: for the caller's memory */
	WQ_WAIT_CONSTRUCT, /* WQFS_IOC_WATCH_KEY: for a key under construction */
};

/* An open description. Its address is the FUSE file handle. */
struct wq_handle {
	struct wqfs *fs;
	struct wq_node *node;
	uid_t uid;     /* who opened it */
	uid_t used_by; /* whose process used it last */
	bool writer, write_only;
	bool takes_nothing; /* was opened with O_NOATIME */
	bool may_change;    /* who opened it had the right to change the queue */
	bool own_format;    /* WQFS_IOC_SET_FORMAT was used */
	enum wqfs_format format;
	struct wq_piece *piece;	      /* the line that it has begun to read; or NULL */
	struct fuse_pollhandle *poll; /* who is to be told; ours to destroy */
	LIST_ENTRY(wq_handle) polled; /* while there is one: in node->polled */
	bool last_poll;		      /* told of the end, has not asked again yet */
	struct wq_parked_list parked; /* what waits through it */
	LIST_ENTRY(wq_handle) entry;
};

#define WQFS_READ_MAX (1u << 20) /* the longest reply to a read() */
/* The longest request, in bytes: a write() of 1 MiB after its header. */
#define WQFS_WRITE_MAX	 (1u << 20)
#define WQFS_REQUEST_MAX (WQFS_WRITE_MAX + 4096)

struct wqfs {
	struct wq_namespace ns;
	struct wq_keys *keys;
	struct wq_loop *loop;
	void (*ready)(struct wqfs *fs); /* the kernel's INIT was answered */
	void *owner;

	char *buf; /* where replies to read() are made */
	unsigned int max_read;
	bool for_all; /* allow_other: a new queue is nobody's but its maker's */
	bool stopping;
	unsigned int last_polls; /* handles with last_poll */

	struct wq_parked_list parked;	    /* every request that waits */
	struct wq_parked_list constructing; /* those of them that wait for a key */
	TAILQ_HEAD(, wq_node) to_serve;	    /* with readers for whom there may be something */
	struct wq_user_mem_pool user_mem;
	struct wq_timer construct; /* when to ask again */
	struct wq_shares asking;   /* for keys under construction */
};

struct wqfs *wqfs_of(fuse_req_t req);

/* The open description that FI names. */
struct wq_handle *wqfs_handle_of(const struct fuse_file_info *fi);

/* The open description that REQ is about, used by REQ's process. */
struct wq_handle *wqfs_handle(fuse_req_t req, const struct fuse_file_info *fi);

/* One descriptor more, or one less, by which UID reads H's queue. 0 or -ENOMEM. */
int wqfs_charge_reader(struct wq_handle *h, uid_t uid);
void wqfs_uncharge_reader(struct wq_handle *h, uid_t uid);

/* H is used by UID, who need not be who opened it. For want of memory it is not noted. */
void wqfs_set_user(struct wq_handle *h, uid_t uid);

struct wq_caller wqfs_caller(fuse_req_t req);

/* wq_keys_catch_up() for REQ's user, who pays for it. */
void wqfs_catch_up(fuse_req_t req);

#endif
