/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdlib.h>

#include "fuse/answered.h"
#include "fuse/polls.h"
#include "fuse/reading.h"
#include "fuse/to_serve.h"

/* Notifies PH when something can be read through H; PH NULL: notifies nobody. */
static void set_poll(struct wq_handle *h, struct fuse_pollhandle *ph)
{
	if (h->poll) {
		LIST_REMOVE(h, polled);
		fuse_pollhandle_destroy(h->poll);
	}
	h->poll = ph;
	if (ph)
		LIST_INSERT_HEAD(&h->node->polled, h, polled);
}

bool wqfs_notify_pollers(struct wq_node *node, uint64_t end_ns)
{
	struct wq_handle *h;

	while ((h = LIST_FIRST(&node->polled))) {
		if (wq_now_ns() >= end_ns)
			return false;
		fuse_lowlevel_notify_poll(h->poll);
		set_poll(h, NULL);
	}
	return true;
}

/* H has asked after its final notice, or cannot ask any more. */
static void heard(struct wqfs *fs, struct wq_handle *h)
{
	fs->last_polls -= h->last_poll;
	h->last_poll = false;
}

/* The events of a writing end, as pipe_poll() has them. The kernel counts the room for records
 * in pages, and allocates a page for each WQFS_SIZE_UNIT records; but each record takes one
 * page for itself. */
static unsigned int poll_writer(const struct wq_node *node)
{
	struct wqfs_stats stats = {0};
	unsigned int events = 0;

	wq_queue_stats(node->queue, &stats);
	if (!stats.size || stats.queued < stats.size / WQFS_SIZE_UNIT)
		events |= POLLOUT | POLLWRNORM;
	if (node->opens == node->writers)
		events |= POLLERR;
	return events;
}

static unsigned int poll_reader(const struct wqfs *fs, const struct wq_handle *h)
{
	unsigned int events = 0;

	if (wqfs_readable(h))
		events |= POLLIN | POLLRDNORM;
	if (wqfs_at_end(fs, h->node))
		events |= POLLHUP;
	return events;
}

static void reply(fuse_req_t req, const struct wq_handle *h)
{
	unsigned int events = h->writer ? poll_writer(h->node) : poll_reader(wqfs_of(req), h);

	fuse_reply_poll(req, events | (h->synced ? POLLPRI : 0));
}

void wqfs_complete_poll(struct wq_parked *p)
{
	wqfs_unpark(p);
	reply(p->req, p->handle);
	free(p);
}

/* Whoever waits for an event is notified of it. But to a poll() that waits for none the answer
 * is final: it is given when all has been posted that was done before. */
static bool wait_for_posts(fuse_req_t req, struct wq_handle *h)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p;

	if (h->writer || h->synced || wqfs_readable(h) || !wqfs_may_follow(fs, h, wq_now_ns()))
		return false;
	p = wqfs_park(req, WQ_WAIT_POSTS, h);
	if (!p)
		return false;
	wqfs_line_up(p, &fs->undrained);
	wqfs_may_interrupt(p);
	return true;
}

void wqfs_op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_handle *h;

	if (ino == WQ_ROOT_INO) {
		if (ph)
			fuse_pollhandle_destroy(ph);
		fuse_reply_poll(req, POLLIN | POLLRDNORM);
		return;
	}
	h = wqfs_handle(req, fi);
	heard(fs, h);
	wqfs_answer_arrived(fs, fuse_req_ctx(req)->pid);
	if (ph)
		set_poll(h, ph);
	wqfs_drain_sources(req);
	(void)wqfs_settle_end(fs, h->node);
	if (ph || !wait_for_posts(req, h))
		reply(req, h);
}

void wqfs_last_notice(struct wqfs *fs, struct wq_node *node)
{
	struct wq_handle *h;

	LIST_FOREACH (h, &node->polled, polled) {
		fs->last_polls += !h->last_poll;
		h->last_poll = true;
	}
	(void)wqfs_notify_pollers(node, UINT64_MAX);
}

bool wqfs_all_notified(const struct wqfs *fs)
{
	return fs->last_polls == 0;
}

void wqfs_forget_polls(struct wqfs *fs, struct wq_handle *h)
{
	set_poll(h, NULL);
	heard(fs, h);
}
