/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/unused.h"
#include "fuse/parked.h"

struct wq_parked *wqfs_park(fuse_req_t req, enum wq_wait wait, struct wq_handle *handle)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fs = fs;
	p->req = req;
	p->wait = wait;
	p->handle = handle;
	p->at_ns = wq_now_ns();
	TAILQ_INSERT_TAIL(&fs->parked, p, all);
	if (handle)
		TAILQ_INSERT_TAIL(&handle->parked, p, of_handle);
	return p;
}

/* P leaves its line, if it is in one, for LINE. NULL: for none. */
static void change_line(struct wq_parked *p, struct wq_parked_list *line)
{
	struct wq_parked_list *early = &p->fs->early;

	if (p->line)
		TAILQ_REMOVE(p->line, p, in_line);
	if (p->line == early)
		p->handle->node->early--;
	if (line == early)
		p->handle->node->early++;
	p->line = line;
}

void wqfs_line_up(struct wq_parked *p, struct wq_parked_list *line)
{
	change_line(p, line);
	TAILQ_INSERT_TAIL(line, p, in_line);
}

void wqfs_line_up_first(struct wq_parked *p, struct wq_parked_list *line)
{
	change_line(p, line);
	TAILQ_INSERT_HEAD(line, p, in_line);
}

void wqfs_line_up_again(struct wq_parked *p, struct wq_parked_list *line)
{
	struct wq_parked *before;

	change_line(p, line);
	TAILQ_FOREACH_REVERSE (before, line, wq_parked_list, in_line)
		if (before->at_ns <= p->at_ns ||
			(before->wait == WQ_WAIT_RECORD && before->read.interrupted))
			break;
	if (before)
		TAILQ_INSERT_AFTER(line, before, p, in_line);
	else
		TAILQ_INSERT_HEAD(line, p, in_line);
}

void wqfs_unpark(struct wq_parked *p)
{
	TAILQ_REMOVE(&p->fs->parked, p, all);
	if (p->handle)
		TAILQ_REMOVE(&p->handle->parked, p, of_handle);
	change_line(p, NULL);
	if (p->wait == WQ_WAIT_RECORD && TAILQ_EMPTY(&p->handle->node->readers) &&
		TAILQ_EMPTY(&p->handle->node->arrived) && !p->handle->node->early)
		wq_queue_await(p->handle->node->queue, 0);
	assert(!p->syncing || p->wait != WQ_WAIT_RECORD); /* they share memory */
	if (p->syncing)
		wq_keys_sync_cancel(p->fs->keys, &p->sync);
	if (p->wait == WQ_WAIT_ORDER)
		free(p->order.what);
	if (p->wait == WQ_WAIT_FILTER)
		wq_user_mem_cancel(&p->mem);
}

void wqfs_release(struct wq_parked *p)
{
	fuse_req_interrupt_func(p->req, NULL, NULL);
	wqfs_unpark(p);
	free(p);
}

int wqfs_give(const struct wq_parked *p, const char *buf, size_t len)
{
	if (p->read.by_ioctl)
		return fuse_reply_ioctl(p->req, (int)len, buf, len);
	return fuse_reply_buf(p->req, buf, len);
}

/* A successful ioctl is answered in its own form. */
void wqfs_complete(struct wq_parked *p, int r)
{
	assert(r <= 0);
	wqfs_unpark(p);
	if (p->wait == WQ_WAIT_POSTS)
		fuse_reply_poll(p->req, 0);
	else if (r == 0 && p->wait == WQ_WAIT_RECORD)
		wqfs_give(p, NULL, 0);
	else if (r == 0 && !(p->wait == WQ_WAIT_CONSTRUCT && p->construct.by_attr))
		fuse_reply_ioctl(p->req, 0, NULL, 0);
	else
		fuse_reply_err(p->req, -r);
	free(p);
}

/* FUSE_INTERRUPT: the caller has a signal. Reply at once: until then the caller cannot even be
 * killed. */
static void interrupted(fuse_req_t req WQ_UNUSED, void *arg)
{
	wqfs_complete(arg, -EINTR);
}

void wqfs_may_interrupt(struct wq_parked *p)
{
	wqfs_on_interrupt(p, interrupted);
}

/* If the signal has come already, libfuse would call FN at once, too, but would use the request
 * after that, which FN may have answered. */
void wqfs_on_interrupt(struct wq_parked *p, fuse_interrupt_func_t fn)
{
	if (fuse_req_interrupted(p->req))
		fn(p->req, p);
	else
		fuse_req_interrupt_func(p->req, fn, p);
}
