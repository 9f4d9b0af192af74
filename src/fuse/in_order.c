/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/budget.h"
#include "fuse/in_order.h"
#include "fuse/parked.h"

/* Who floods the sources may keep others from an answer for so long: in time that the daemon
 * has used, so that it is enough for the same backlog on a busy machine; and in any case. */
#define ORDER_CPU_NS (10 * WQ_SLICE_NS)
#define ORDER_NS     WQ_NSEC_PER_SEC

/* A thread that was killed cannot end before its request is answered. */
static void interrupted(fuse_req_t req, void *arg)
{
	struct wq_parked *p = arg;

	if (wq_lives_fate(&p->fs->lives, fuse_req_ctx(req)->pid) == WQ_LIFE_KILLED)
		wqfs_complete(p, -EINTR);
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
	fuse_req_interrupt_func(req, interrupted, p);
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
	return wq_now_ns() - p->at_ns < ORDER_NS &&
	       wq_budget_clock() - p->order.cpu_ns < ORDER_CPU_NS;
}

void wqfs_serve_ordered(struct wqfs *fs, uint64_t end_ns)
{
	struct wq_parked *p;

	while (wq_now_ns() < end_ns && (p = TAILQ_FIRST(&fs->ordered))) {
		if (!wq_keys_has_posted(fs->keys, p->at_ns)) {
			if (may_wait(p))
				return;
			if (p->order.what->loses)
				wq_queue_note_loss(p->order.what->loses);
		}
		wqfs_go_now(p);
	}
}
