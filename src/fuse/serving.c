/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/budget.h"
#include "base/unused.h"
#include "fuse/answered.h"
#include "fuse/in_order.h"
#include "fuse/parked.h"
#include "fuse/polls.h"
#include "fuse/reading.h"
#include "fuse/serving.h"
#include "fuse/sync.h"
#include "fuse/to_serve.h"

#define SERVE_NS    WQ_SLICE_NS /* how long readers may keep other requests waiting */
#define DRAIN_EVERY (WQ_SLICE_NS / 10)
/* Who floods the sources may keep others from an answer for so long. */
#define POSTS_NS WQ_NSEC_PER_SEC
/* The same for a reader that something is there for: until the daemon has used so much time. */
#define MORE_CPU_NS (5 * WQ_SLICE_NS)

/* ---- readers that come ---- */

/* The kernel splits a long read, or one into many buffers, and asks for the next part when a
 * reply has filled one. That request must not wait, because its reader has records already. It
 * is the only one with an offset, since the file is a stream. */
static bool is_continued(off_t off)
{
	return off > 0;
}

/* The page cache reads on nobody's behalf: for splice(), sendfile(), a mapping or read-ahead.
 * It keeps a page locked until we answer, which fstat() may have to wait for, uninterruptibly.
 * It may also read more than anybody wants, and those records would be lost. */
static bool is_of_page_cache(const struct fuse_file_info *fi)
{
	return fi->lock_owner == 0;
}

static bool gives(const struct wq_parked *p)
{
	return p->handle->piece || wq_queue_gives(p->handle->node->queue);
}

/* P is served as if it had just come, among the others of its queue, for which their users
 * pay. */
static void arrive_again(struct wq_parked *p)
{
	wqfs_line_up_again(p, &p->handle->node->arrived);
	wqfs_serve_soon(p->fs, p->handle->node);
}

/* Is anything there for P? Who waits in line is not given a LOSS that no record follows. */
static bool is_there(const struct wq_parked *p)
{
	return p->line == &p->handle->node->readers ? wqfs_readable(p->handle) : gives(p);
}

/* As in the kernel, a reader for whom something is there is given that, and not interrupted. */
static void reader_interrupted(fuse_req_t req, void *arg)
{
	struct wq_parked *p = arg;
	struct wq_node *node = p->handle->node;
	const int otherwise = p->read.otherwise > 0 ? -EINTR : p->read.otherwise;

	if (!is_there(p)) {
		wqfs_complete(p, wqfs_at_end(p->fs, node) ? 0 : otherwise);
		return;
	}
	if (wq_lives_fate(&p->fs->lives, fuse_req_ctx(req)->pid) == WQ_LIFE_KILLED) {
		wqfs_complete(p, -EINTR);
		return;
	}
	p->read.interrupted = true;
	p->read.otherwise = otherwise; /* if another reader takes it */
	wqfs_line_up_first(p, &node->arrived);
	wqfs_serve_soon(p->fs, node);
}

/* A reader of SIZE bytes has come. No reader is answered before all pending interrupts have
 * been read: see wqfs_serve(). */
static void reader_arrives(
	fuse_req_t req, struct wq_handle *h, size_t size, int otherwise, bool by_ioctl)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p;
	bool drained;

	wqfs_answer_arrived(fs, fuse_req_ctx(req)->pid);
	drained = wqfs_drain_sources(req);
	p = wqfs_park(req, WQ_WAIT_RECORD, h);
	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->read.size = size;
	p->read.otherwise = otherwise;
	p->read.by_ioctl = by_ioctl;
	p->read.early = !drained && otherwise;
	wqfs_line_up(p, &h->node->arrived);
	wq_queue_await(h->node->queue, p->at_ns);
	wqfs_serve_soon(fs, h->node);
	wqfs_on_interrupt(p, reader_interrupted);
}

void wqfs_op_read(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct wq_handle *h = wqfs_handle(req, fi);

	if (is_of_page_cache(fi))
		fuse_reply_err(req, EINVAL);
	else if (fi->flags & O_NOATIME) /* a backup program: it must leave no trace */
		fuse_reply_buf(req, NULL, 0);
	else
		reader_arrives(req, h, size,
			is_continued(off)	 ? 0
			: fi->flags & O_NONBLOCK ? -EAGAIN
						 : 1,
			false);
}

void wqfs_read_now(fuse_req_t req, struct wq_handle *h, size_t size)
{
	if (h->write_only)
		fuse_reply_err(req, EBADF);
	else if (h->takes_nothing || size == 0)
		fuse_reply_ioctl(req, 0, NULL, 0);
	else
		reader_arrives(req, h, size, -EAGAIN, true);
}

/* ---- serving ---- */

/* Answers P, which has just come, when nothing is there for it. */
static void serve_nothing(struct wq_parked *p)
{
	struct wq_node *node = p->handle->node;

	if (wqfs_at_end(p->fs, node))
		wqfs_complete(p, 0);
	else if (p->read.otherwise <= 0)
		wqfs_complete(p, p->read.otherwise);
	else
		wqfs_line_up_again(p, &node->readers);
}

/* The first waiting reader for whom something is there. */
static struct wq_parked *first_to_serve(const struct wq_node *node)
{
	struct wq_parked *p;

	if (wqfs_all_is_read(node))
		return NULL;
	TAILQ_FOREACH (p, &node->readers, in_line)
		if (wqfs_readable(p->handle))
			break;
	return p;
}

/* The answer to P would be that there is nothing, although its record may be among those that
 * are not posted yet. */
static bool is_too_early(const struct wq_parked *p)
{
	if (wq_now_ns() - p->at_ns >= POSTS_NS)
		return false;
	if (p->wait == WQ_WAIT_RECORD && p->read.interrupted)
		return false;
	if (p->wait == WQ_WAIT_POSTS)
		return !wqfs_readable(p->handle) && wqfs_may_follow(p->fs, p->handle, p->at_ns);
	return !gives(p) && p->read.otherwise == -EAGAIN &&
	       wqfs_may_follow(p->fs, p->handle, p->at_ns);
}

/* Something is there for P, whose buffer has room for more that was done before it came. The
 * kernel gives it all at once. */
static bool may_get_more(struct wq_parked *p)
{
	if (!p->read.early || p->read.interrupted || wqfs_fills(p->handle, p->read.size))
		return false;
	if (!p->read.cpu_ns)
		p->read.cpu_ns = wq_budget_clock();
	return wq_budget_clock() - p->read.cpu_ns < MORE_CPU_NS &&
	       wqfs_may_follow(p->fs, p->handle, p->at_ns);
}

/* Does a reader who came before P wait for more? P does not overtake it, and waits but once. */
static bool is_behind(struct wq_parked *p)
{
	if (!p->handle->node->early || p->read.cpu_ns || p->read.interrupted ||
		!p->read.otherwise)
		return false;
	p->read.cpu_ns = wq_budget_clock();
	return true;
}

/* Serves the readers that have come and not waited yet. Only they get a LOSS that no record
 * follows. */
static void serve_arrived(struct wq_parked *p)
{
	if (p->wait == WQ_WAIT_POSTS)
		wqfs_complete_poll(p);
	else if (is_too_early(p))
		wqfs_line_up(p, &p->fs->undrained);
	else if (!gives(p))
		serve_nothing(p);
	else if (may_get_more(p) || is_behind(p))
		wqfs_line_up(p, &p->fs->early);
	else
		wqfs_serve_reader(p);
}

/* A reader that has come, and has a signal: it waits for nobody. */
static struct wq_parked *first_interrupted(const struct wq_node *node)
{
	struct wq_parked *p = TAILQ_FIRST(&node->arrived);

	return p && p->wait == WQ_WAIT_RECORD && p->read.interrupted ? p : NULL;
}

/* Serves readers in order, then notifies pollers. False: END_NS came before the
 * last of them. */
static bool serve(struct wqfs *fs, struct wq_node *node, uint64_t end_ns)
{
	struct wq_parked *p;

	while ((p = first_interrupted(node))) {
		serve_arrived(p);
		if (wq_now_ns() >= end_ns)
			return false;
	}
	while ((p = first_to_serve(node))) {
		if (may_get_more(p) || is_behind(p))
			wqfs_line_up(p, &fs->early);
		else
			wqfs_serve_reader(p);
		if (wq_now_ns() >= end_ns)
			return false;
	}
	while (wqfs_at_end(fs, node) && (p = TAILQ_FIRST(&node->readers)))
		wqfs_complete(p, 0);
	while ((p = TAILQ_FIRST(&node->arrived))) {
		serve_arrived(p);
		if (wq_now_ns() >= end_ns)
			return false;
	}
	if (wqfs_all_is_read(node))
		wqfs_drained(node);
	return wqfs_notify_pollers(node, end_ns);
}

/* The user who pays for serving NODE: that of its first reader, or of one who polls it. */
static uid_t payer_of(const struct wq_node *node)
{
	const struct wq_parked *p = TAILQ_FIRST(&node->readers);
	const struct wq_handle *h = LIST_FIRST(&node->polled);

	if (!p)
		p = TAILQ_FIRST(&node->arrived);
	if (p)
		return fuse_req_ctx(p->req)->uid;
	return h ? h->used_by : node->charged;
}

/* Serves NODE until END_NS. What is left is served later. */
static void serve_some(struct wqfs *fs, struct wq_node *node, uint64_t end_ns)
{
	wqfs_no_longer_to_serve(node);
	if (!serve(fs, node, end_ns))
		wqfs_serve_soon(fs, node);
}

/* The same, for which its user pays. False: nothing was done, because that user has no time
 * left. */
static bool serve_and_pay(struct wqfs *fs, struct wq_node *node, uint64_t end_ns)
{
	struct wq_work work;

	if (!wq_work_begin(&work, &fs->serving, payer_of(node)))
		return false;
	serve_some(fs, node, end_ns);
	wq_work_end(&work);
	return true;
}

static bool has_nodes_to_serve(const struct wqfs *fs)
{
	return !TAILQ_EMPTY(&fs->to_serve) || !TAILQ_EMPTY(&fs->to_serve_last);
}

bool wqfs_has_to_serve(const struct wqfs *fs)
{
	return has_nodes_to_serve(fs) || !TAILQ_EMPTY(&fs->undrained) ||
	       !TAILQ_EMPTY(&fs->early) || !TAILQ_EMPTY(&fs->ordered) ||
	       !TAILQ_EMPTY(&fs->left);
}

bool wqfs_is_pressing(const struct wqfs *fs)
{
	/* who waited for it may have been interrupted, or closed */
	return fs->pressing && wqfs_has_to_serve(fs);
}

/* What waits for a source to be drained need not be asked about all the time. */
uint64_t wqfs_serve_at(const struct wqfs *fs)
{
	return has_nodes_to_serve(fs) ? 0 : wq_now_ns() + DRAIN_EVERY;
}

/* Ends the queues whose last writer has gone, when all that was done before has been posted. */
static void tell_ends(struct wqfs *fs)
{
	struct wq_node *node;

	while ((node = TAILQ_FIRST(&fs->left)) && wqfs_settle_end(fs, node))
		;
}

/* Those for whom all has been posted by now. */
static void serve_undrained(struct wqfs *fs, uint64_t end_ns)
{
	struct wq_parked *p;

	while ((p = TAILQ_FIRST(&fs->early)) && wq_now_ns() < end_ns &&
		!(gives(p) && may_get_more(p)))
		arrive_again(p);
	while ((p = TAILQ_FIRST(&fs->undrained)) && wq_now_ns() < end_ns && !is_too_early(p)) {
		if (p->wait == WQ_WAIT_POSTS) {
			wqfs_complete_poll(p);
			continue;
		}
		arrive_again(p);
	}
}

/* To make lines takes much more time than to ask for them. A user whose readers have used up
 * the share is served after all others, and need not pay for that: nobody else wants
 * the time. */
void wqfs_serve(struct wqfs *fs)
{
	struct wq_node *node;
	uint64_t end_ns;

	fs->pressing = false;
	tell_ends(fs);
	wqfs_serve_ordered(fs);
	end_ns = wq_now_ns() + SERVE_NS;
	serve_undrained(fs, end_ns);
	while ((node = TAILQ_FIRST(&fs->to_serve)) && wq_now_ns() < end_ns) {
		if (serve_and_pay(fs, node, end_ns))
			continue;
		wqfs_serve_last(fs, node);
	}
	while ((node = TAILQ_FIRST(&fs->to_serve_last)) && wq_now_ns() < end_ns)
		serve_some(fs, node, end_ns);
}
