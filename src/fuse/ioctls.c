/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "filter.h"
#include "fuse/begun_sync.h"
#include "fuse/constructing.h"
#include "fuse/filters.h"
#include "fuse/in_order.h"
#include "fuse/ioctls.h"
#include "fuse/parked.h"
#include "fuse/queue_rights.h"
#include "fuse/reading.h"
#include "fuse/serving.h"
#include "fuse/sync.h"

/* The arguments of an ioctl. */
struct call {
	unsigned int cmd, flags;
	unsigned long arg; /* a number, or an address in the caller's memory */
	const void *in;	   /* IN_SIZE bytes from that address, if CMD has them */
	size_t in_size;
};

static void reply_ioctl(fuse_req_t req, int r)
{
	if (r == 0)
		fuse_reply_ioctl(req, 0, NULL, 0);
	else
		fuse_reply_err(req, -r);
}

static void op_get_stats(fuse_req_t req, const struct wq_handle *h)
{
	struct wqfs *fs = wqfs_of(req);
	struct wqfs_stats s = {.opens = h->node->opens, .abi = WQFS_ABI};
	struct wq_parked *p;

	wq_queue_stats(h->node->queue, &s);
	wq_keys_stats(fs->keys, &s);
	TAILQ_FOREACH (p, &h->node->readers, in_line)
		s.readers++;
	fuse_reply_ioctl(req, 0, &s, sizeof(s));
}

static void op_get_bytes(fuse_req_t req, const struct wq_handle *h)
{
	size_t n = wq_queue_bytes(h->node->queue, wqfs_format_of(h));
	int bytes;

	if (h->piece)
		n += wq_piece_rest(h->piece);
	bytes = n < INT_MAX ? (int)n : INT_MAX;
	fuse_reply_ioctl(req, 0, &bytes, sizeof(bytes));
}

static void op_get_board(fuse_req_t req)
{
	struct wqfs_board_place place;
	int r = wq_keys_board(wqfs_of(req)->keys, &place);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_ioctl(req, 0, &place, sizeof(place));
}

static void op_get_filter(fuse_req_t req, const struct wq_handle *h)
{
	static const struct wqfs_filter none;
	const struct wq_filter *f = wq_queue_filter(h->node->queue);

	fuse_reply_ioctl(req, 0, f ? &f->user : &none, sizeof(none));
}

static int set_format(struct wq_handle *h, unsigned long format)
{
	if (format > WQFS_FORMAT_JSON)
		return -EINVAL;
	h->own_format = true;
	h->format = (enum wqfs_format)format;
	return 0;
}

/* Handles the ioctls that are answered at once with a number. -ENOTTY: there is
 * no such ioctl. */
static int simple_ioctl(struct wq_handle *h, const struct call *c)
{
	switch (c->cmd) {
	case IOC_WATCH_QUEUE_SET_SIZE:
		return wq_queue_set_size(h->node->queue, c->arg);
	case WQFS_IOC_SET_FILTER:
		return c->in_size < sizeof(struct wqfs_filter)
			       ? -EINVAL
			       : wqfs_set_sized_filter(h, c->in);
	case WQFS_IOC_SET_FORMAT:
		return set_format(h, c->arg);
	default:
		return -ENOTTY;
	}
}

static int report(fuse_req_t req, const struct call *c)
{
	struct wq_caller caller = wqfs_caller(req);

	if (c->in_size < sizeof(struct wqfs_key_report))
		return -EINVAL;
	caller.compat = c->flags & FUSE_IOCTL_COMPAT;
	return wq_keys_report(wqfs_of(req)->keys, c->in, &caller);
}

static void ioctl_root(fuse_req_t req, const struct call *c)
{
	switch (c->cmd) {
	case WQFS_IOC_SYNC:
		wqfs_sync(req, WQ_WAIT_SYNC, NULL);
		break;
	case WQFS_IOC_REPORT:
		reply_ioctl(req, report(req, c));
		break;
	case WQFS_IOC_GET_BOARD:
		op_get_board(req);
		break;
	default:
		fuse_reply_err(req, ENOTTY);
	}
}

static void ioctl_queue(fuse_req_t req, struct wq_handle *h, const struct call *c)
{
	switch (c->cmd) {
	case WQFS_IOC_REPORT:
		reply_ioctl(req, report(req, c));
		break;
	case IOC_WATCH_QUEUE_SET_FILTER:
		wqfs_set_filter(req, h, c->arg);
		break;
	case PIPE_IOC_SYNC:
		wqfs_sync(req, WQ_WAIT_DRAIN, h);
		break;
	case WQFS_IOC_SYNC:
		wqfs_sync(req, WQ_WAIT_SYNC, h);
		break;
	case WQFS_IOC_SYNC_BEGIN:
		wqfs_begin_sync(req, h);
		break;
	case WQFS_IOC_WATCH_KEY:
	case WQFS_IOC_TRY_WATCH_KEY:
		if (c->in_size < sizeof(struct wqfs_watch_key))
			fuse_reply_err(req, EINVAL);
		else
			wqfs_watch_key(req, h, c->in, c->cmd == WQFS_IOC_WATCH_KEY);
		break;
	case WQFS_IOC_GET_BOARD:
		op_get_board(req);
		break;
	case WQFS_IOC_GET_FILTER:
		op_get_filter(req, h);
		break;
	case WQFS_IOC_GET_STATS:
		op_get_stats(req, h);
		break;
	case WQFS_IOC_GET_BYTES:
		op_get_bytes(req, h);
		break;
	default:
		reply_ioctl(req, simple_ioctl(h, c));
	}
}

/* The command number holds the size that the caller asks for. */
static bool is_read_now(unsigned int cmd)
{
	return cmd == WQFS_IOC_READ(_IOC_SIZE(cmd));
}

enum right { RIGHT_NONE, RIGHT_READ, RIGHT_CHANGE };

/* An ioctl that shows something of a queue's records, even whether there are any, needs the
 * right to read it. One that changes what the queue holds or learns needs the right to change
 * it. The others concern the mount, and work on the root directory too, or change nothing. */
static enum right right_needed(unsigned int cmd)
{
	switch (cmd) {
	case IOC_WATCH_QUEUE_SET_SIZE:
	case IOC_WATCH_QUEUE_SET_FILTER:
	case WQFS_IOC_SET_FILTER:
	case WQFS_IOC_WATCH_KEY:
	case WQFS_IOC_TRY_WATCH_KEY:
		return RIGHT_CHANGE;
	case WQFS_IOC_GET_FILTER:
	case WQFS_IOC_GET_STATS:
	case WQFS_IOC_GET_BYTES:
	case PIPE_IOC_SYNC:
		return RIGHT_READ;
	case WQFS_IOC_SYNC:
	case WQFS_IOC_SYNC_BEGIN:
	case WQFS_IOC_REPORT:
	case WQFS_IOC_GET_BOARD:
	case WQFS_IOC_SET_FORMAT: /* only descriptions that can read have a format */
	default:		  /* READ checks as read() does; others do not exist */
		return RIGHT_NONE;
	}
}

/* As for the attributes; and through a descriptor that was opened by who had the right then, as
 * it is with files: a daemon that gives up its privileges goes on with what it has open. An
 * anonymous queue is a pipe, as the kernel's: nobody has a descriptor of it but
 * by its maker. */
static bool has_right(fuse_req_t req, const struct wq_handle *h, enum right right)
{
	struct wq_caller caller = wqfs_caller(req);

	switch (right) {
	case RIGHT_CHANGE:
		return h->may_change || wq_rights_write(h->node, &caller);
	case RIGHT_READ:
		return !h->write_only || h->node->anonymous || wq_rights_read(h->node, &caller);
	case RIGHT_NONE:
		break;
	}
	return true;
}

/* ---- calls that wait for what was done before them ---- */

struct later {
	struct wqfs_ordered ordered;
	struct wq_handle *h;
	struct call call;
	struct wqfs_filter in; /* the longest that such a call has */
};

/* Does it change what the queue gets, or show how much it has? A filter in the caller's memory
 * is read first. */
static bool is_in_order(const struct call *c)
{
	switch (c->cmd) {
	case IOC_WATCH_QUEUE_SET_FILTER:
		return !c->arg;
	case IOC_WATCH_QUEUE_SET_SIZE:
	case WQFS_IOC_SET_FILTER:
	case WQFS_IOC_WATCH_KEY:
	case WQFS_IOC_TRY_WATCH_KEY:
	case WQFS_IOC_GET_BYTES:
		return true;
	default:
		return false;
	}
}

/* May the queue get less after C of what was done before it? */
static bool takes_away(const struct call *c)
{
	switch (c->cmd) {
	case WQFS_IOC_SET_FILTER:
		return true;
	case WQFS_IOC_WATCH_KEY:
	case WQFS_IOC_TRY_WATCH_KEY:
		return c->in_size >= sizeof(struct wqfs_watch_key) &&
		       ((const struct wqfs_watch_key *)c->in)->watch_id < 0;
	default:
		return false;
	}
}

static void call_now(fuse_req_t req, struct wqfs_ordered *ordered)
{
	const struct later *l = wq_container_of(ordered, struct later, ordered);

	ioctl_queue(req, l->h, &l->call);
}

/* NULL: no memory. */
static struct wqfs_ordered *later(struct wq_handle *h, const struct call *c)
{
	struct later *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ordered.go = call_now;
	l->ordered.loses = takes_away(c) ? h->node->queue : NULL;
	l->h = h;
	l->call = *c;
	l->call.in = &l->in;
	l->call.in_size = c->in_size < sizeof(l->in) ? c->in_size : sizeof(l->in);
	if (l->call.in_size) /* otherwise there may be no address */
		memcpy(&l->in, c->in, l->call.in_size);
	return &l->ordered;
}

void wqfs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	size_t out_size)
{
	struct call call = {cmd, flags, (unsigned long)arg, in, in_size};
	struct wq_handle *h;

	if (ino == WQ_ROOT_INO) {
		ioctl_root(req, &call);
		return;
	}
	h = wqfs_handle(req, fi);
	if (!has_right(req, h, right_needed(cmd))) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (is_read_now(cmd)) {
		wqfs_read_now(req, h, out_size);
		return;
	}
	/* what was done before the call is for the queue as it was before the call */
	if (wqfs_drain_sources(req) || !is_in_order(&call))
		ioctl_queue(req, h, &call);
	else
		wqfs_go_in_order(req, h, later(h, &call));
}
