/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filesystem: its queues, who has them open, and the requests that wait. Only fuse/ and
 * wqfs_ops.c know FUSE requests. Errors inside are -errno; only here they become FUSE replies.
 */
#ifndef WQ_SERVER_H
#define WQ_SERVER_H

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

#include "base/lives.h"
#include "base/loop.h"
#include "base/shares.h"
#include "fuse/closing.h"
#include "fuse/namespace.h"
#include "fuse/piece.h"
#include "fuse/user_mem.h"
#include "keys_bridge.h"

/* What a request waits for. */
enum wq_wait {
	WQ_WAIT_RECORD, /* read() */
	WQ_WAIT_POSTS,	/* poll() that waits for no event: what was done before it */
	WQ_WAIT_SYNC,	/* WQFS_IOC_SYNC: a scan of all keys */
	WQ_WAIT_DRAIN,	/* PIPE_IOC_SYNC: a scan, then until all is read */
	WQ_WAIT_ORDER,	/* a request that changes what a queue gets: what was done before it */
	WQ_WAIT_FILTER, /* IOC_WATCH_QUEUE_SET_FILTER: a read of the caller's memory */
	WQ_WAIT_CONSTRUCT, /* WQFS_IOC_WATCH_KEY: a key under construction */
	WQ_WAIT_NOTHING,   /* any more: its wait has ended, or could not begin */
};

/* An open file description. Its address is the FUSE file handle. */
struct wq_handle {
	struct wqfs *fs;
	struct wq_node *node;
	uid_t uid;     /* who opened it */
	uid_t used_by; /* the user of the process that used it last */
	bool writer, write_only;
	bool takes_nothing; /* opened with O_NOATIME */
	bool may_change;    /* whoever opened it had the right to change the queue */
	bool own_format;    /* WQFS_IOC_SET_FORMAT was used */
	enum wqfs_format format;
	struct wq_piece *piece;	      /* the line that its reader has begun; or NULL */
	struct fuse_pollhandle *poll; /* whom to notify; we must destroy it */
	LIST_ENTRY(wq_handle) polled; /* in node->polled while poll is set */
	struct wq_keys_sync sync;     /* WQFS_IOC_SYNC_BEGIN: */
	bool syncing, synced;	      /* it waits for its scan; its scan has ended */
	bool last_poll;		      /* notified of the end, and has not asked again yet */
	struct wq_parked_list parked; /* what waits through it */
	LIST_ENTRY(wq_handle) entry;
};

#define WQFS_READ_MAX (1u << 20) /* the longest reply to a read() */
/* The longest request, in bytes: a write() of 1 MiB and its header. */
#define WQFS_WRITE_MAX	 (1u << 20)
#define WQFS_REQUEST_MAX (WQFS_WRITE_MAX + 4096)

TAILQ_HEAD(wq_construction_list, wq_construction);

#define WQFS_ANSWERS 32 /* readers that are followed after their answer */

/* A reader that was answered and has made no request since. */
struct wqfs_answer {
	pid_t tid;
	uint64_t runs;	     /* how often it had run on a CPU before */
	unsigned int checks; /* done so far */
	uint64_t ino;	     /* the queue whose records it was given; 0: none */
};

/* The supplementary groups of the process that made a request. */
struct wqfs_groups {
	fuse_req_t of; /* NULL: they are to be read again */
	gid_t *list;
	int n;
};

struct wqfs {
	struct wq_namespace ns;
	struct wq_closing closing;
	struct wq_keys *keys;
	struct wq_loop *loop;
	void (*ready)(struct wqfs *fs); /* the daemon has answered the kernel's INIT */
	void *owner;

	char *buf; /* the buffer for replies to read() */
	unsigned int max_read;
	bool no_opendir; /* the kernel opens directories without a request, if we like */
	bool for_all;	 /* allow_other: only its creator may use a new queue */
	bool stopping;
	unsigned int last_polls; /* handles with last_poll */

	struct wq_parked_list parked; /* every request that waits */
	/* Keys that somebody waits for, sorted by turn. */
	struct wq_construction_list constructing;
	struct wq_construction *constructions; /* the same, by key */
	/* Nodes with readers for whom there may be something; and those of them whose reader's
	 * user has used up the share, and is served after all others. */
	struct wq_node_list to_serve, to_serve_last;
	struct wq_shares serving;
	bool pressing; /* a reader waits for a queue that is nearly full */
	/* Readers and pollers that wait for nothing, until all is posted that was done before
	 * they came. */
	struct wq_parked_list undrained;
	/* Readers that something is there for, but perhaps not all that was done before. */
	struct wq_parked_list early;
	/* Requests that change what queues get, or ask what they have: the same. */
	struct wq_parked_list ordered;
	/* Nodes that the last writer has left, until all is posted that was done before. */
	struct wq_node_list left;
	struct wq_user_mem_pool user_mem;
	struct wq_timer construct; /* when to ask for keys again */
	struct wq_lives lives;	   /* of readers */
	struct wqfs_answer answers[WQFS_ANSWERS];
	unsigned int answers_next;
	struct wq_timer answers_timer;
	struct wq_shares asking; /* for keys under construction */
	struct wqfs_groups groups;
};

struct wqfs *wqfs_of(fuse_req_t req);

/* The open description that FI names. */
struct wq_handle *wqfs_handle_of(const struct fuse_file_info *fi);

/* The open description of REQ, which REQ's process uses now. */
struct wq_handle *wqfs_handle(fuse_req_t req, const struct fuse_file_info *fi);

/* Counts one more, or one less, descriptor by which UID reads H's queue. 0 or -ENOMEM. */
int wqfs_charge_reader(struct wq_handle *h, uid_t uid);
void wqfs_uncharge_reader(struct wq_handle *h, uid_t uid);

/* UID uses H, which somebody else may have opened. Without memory this is not noted. */
void wqfs_set_user(struct wq_handle *h, uid_t uid);

struct wq_caller wqfs_caller(fuse_req_t req);

/* wq_keys_drain_sources() for REQ's user, who pays for it. */
bool wqfs_drain_sources(fuse_req_t req);

/* The node of INO in *NODE; NULL for the root directory. False: there is no such inode, and REQ
 * has been answered. */
bool wqfs_node_of(fuse_req_t req, fuse_ino_t ino, struct wq_node **node);

#endif
