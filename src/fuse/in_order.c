/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/unused.h"
#include "fuse/in_order.h"
#include "fuse/parked.h"

/* Who floods the sources may keep others from an answer until the daemon has used so much time:
 * on a busy machine that takes longer, and is enough for the same backlog. */
#define ORDER_CPU_NS (25 * WQ_SLICE_NS)

static bool was_killed(const struct wq_parked *p)
{
	return wq_lives_fate(&p->fs->lives, fuse_req_ctx(p->req)->pid) == WQ_LIFE_KILLED;
}

/* A thread that was killed cannot end before its request is answered. The kernel tells of the
 * first signal alone. */
static void interrupted(fuse_req_t req WQ_UNUSED, void *arg)
{
	struct wq_parked *p = arg;

	if (was_killed(p))
		wqfs_complete(p, -EINTR);
	else
		p->order.interrupted = true;
}

void wqfs_go_in_order(fuse_req_t req, struct wq_handle *h, struct wqfs_ordered *ordered)
{
	struct wq_parked *p = ordered ? wqfs_park(req, WQ_WAIT_ORDER, h) : NULL;

	if (!p) {
		free(ordered);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->order.what = ordered;
	p->order.cpu_ns = wq_budget_clock();
	wqfs_line_up(p, &p->fs->ordered);
	wqfs_on_interrupt(p, interrupted);
}

void wqfs_go_now(struct wq_parked *p)
{
	struct wqfs_ordered *ordered = p->order.what;
	fuse_req_t req = p->req;

	p->order.what = NULL; /* it is not cancelled */
	wqfs_release(p);
	ordered->go(req, ordered);
	free(ordered);
}

static bool may_wait(const struct wq_parked *p)
{
	return wq_budget_clock() - p->order.cpu_ns < ORDER_CPU_NS;
}

/* What is still to be posted may not enter QUEUE any more. */
static void lose(struct wq_queue *queue)
{
	struct wqfs_stats stats = {0};

	wq_queue_stats(queue, &stats);
	if (stats.watches)
		wq_queue_note_loss(queue);
}

/* P's user pays for what it takes, if any of the share is left. */
static void go_and_pay(struct wq_parked *p)
{
	struct wq_work work;
	const bool pays = wq_work_begin(&work, &p->fs->serving, fuse_req_ctx(p->req)->uid);

	wqfs_go_now(p);
	if (pays)
		wq_work_end(&work);
}

void wqfs_serve_ordered(struct wqfs *fs)
{
	struct wq_parked *p = TAILQ_FIRST(&fs->ordered);
	uint64_t end_ns;

	if (!p)
		return;
	for (end_ns = wq_now_ns() + WQ_PIECE_NS; p && wq_now_ns() < end_ns;
		p = TAILQ_FIRST(&fs->ordered)) {
		if (!wq_keys_has_posted(fs->keys, p->at_ns)) {
			if (may_wait(p))
				return;
			if (p->order.what->loses)
				lose(p->order.what->loses);
		}
		if (p->order.interrupted && was_killed(p))
			wqfs_complete(p, -EINTR);
		else
			go_and_pay(p);
	}
}
