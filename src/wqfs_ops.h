/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filesystem as libfuse sees it. wqfs_ops.c has the operations on names and
 * attributes, wqfs_io.c those on an open queue, which may have to wait; no other file
 * knows FUSE requests. Errors inside are -errno; they become FUSE replies here only.
 */
#ifndef WQFS_OPS_H
#define WQFS_OPS_H

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
	bool may_change; /* who opened it had the right to change the queue */
	bool own_format; /* WQFS_IOC_SET_FORMAT was used */
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

struct wqfs_limits {
	uint32_t default_size, max_size;
	uint64_t max_queues;
	unsigned int max_read; /* the mount option; 0: none */
	bool for_all;	       /* allow_other is given */
};

extern const struct fuse_lowlevel_ops wqfs_ops;

/* A filesystem without queues, on LOOP, whose keys are watched by KEYS (both outlive it).
 * NULL: no memory. */
struct wqfs *wqfs_new(
	const struct wqfs_limits *limits, struct wq_loop *loop, struct wq_keys *keys);

/* Are there readers to be answered? Then, before the loop waits: all requests that are pending
 * are to be read, interrupts at least, and wqfs_serve() called. So no record is given to a
 * reader that was killed before. One call takes 2 ms at most: ask again after it. */
bool wqfs_has_to_serve(const struct wqfs *fs);
void wqfs_serve(struct wqfs *fs);

/* Ends every wait: readers get end of file, now and from now on; who polls is woken. */
void wqfs_stop(struct wqfs *fs);

/* After wqfs_stop(): has everybody who was polling asked again, and heard of the end? */
bool wqfs_all_told(const struct wqfs *fs);

/* Frees it; the session must still be there. Nothing waits any more after it. */
void wqfs_free(struct wqfs *fs);

/* ---- between the two files ---- */

extern const struct wq_queue_ops wqfs_queue_ops;

struct wqfs *wqfs_of(fuse_req_t req);

/* The open description that REQ is about, used by REQ's process. */
struct wq_handle *wqfs_handle(fuse_req_t req, const struct fuse_file_info *fi);

struct wq_caller wqfs_caller(fuse_req_t req);

/* wq_keys_catch_up() for REQ's user, who pays for it. */
void wqfs_catch_up(fuse_req_t req);

void wqfs_op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void wqfs_op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
void wqfs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	size_t out_size);

/* The last writer of an anonymous queue has gone: readers get end of file. */
void wqfs_writers_gone(struct wqfs *fs, struct wq_node *node);

/* The last reader of a queue has gone: who polls a writing end gets an error. */
void wqfs_readers_gone(struct wq_node *node);

/* HANDLE is being released: whatever still waits through it is answered. */
void wqfs_forget_handle(struct wqfs *fs, struct wq_handle *handle);

#endif
