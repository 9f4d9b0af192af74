/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "filter.h"
#include "fuse/filters.h"
#include "fuse/in_order.h"
#include "fuse/parked.h"

/* Sets the filter in the LEN bytes at RAW, in the kernel's layout. */
static int set_filter(struct wq_handle *h, const struct wqfs_filter *raw, size_t len)
{
	struct wq_filter filter;
	int r = wq_filter_parse(&filter, raw, len);

	return r < 0 ? r : wq_queue_set_filter(h->node->queue, &filter);
}

/* A filter that waits for what was done before. */
struct later {
	struct wqfs_ordered ordered;
	struct wq_handle *h;
	struct wq_filter filter;
};

static void set_now(fuse_req_t req, struct wqfs_ordered *ordered)
{
	const struct later *l = wq_container_of(ordered, struct later, ordered);
	int r = wq_queue_set_filter(l->h->node->queue, &l->filter);

	if (r == 0)
		fuse_reply_ioctl(req, 0, NULL, 0);
	else
		fuse_reply_err(req, -r);
}

/* NULL: no memory. */
static struct wqfs_ordered *later(struct wq_handle *h, const struct wq_filter *filter)
{
	struct later *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ordered.go = set_now;
	l->ordered.loses = h->node->queue;
	l->h = h;
	l->filter = *filter;
	return &l->ordered;
}

static void filter_read(struct wq_user_mem *mem, int err)
{
	struct wq_parked *p = wq_container_of(mem, struct wq_parked, mem);
	struct wq_handle *h = p->handle;
	fuse_req_t req = p->req;
	struct wq_filter filter;
	int r = err < 0 ? err : wq_filter_parse(&filter, mem->raw, mem->len);

	p->wait = WQ_WAIT_NOTHING; /* mem has ended already */
	if (r < 0 || wqfs_drain_sources(req)) {
		wqfs_complete(p, r < 0 ? r : wq_queue_set_filter(h->node->queue, &filter));
		return;
	}
	wqfs_release(p);
	wqfs_go_in_order(req, h, later(h, &filter));
}

void wqfs_set_filter(fuse_req_t req, struct wq_handle *h, uint64_t address)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct wq_parked *p;
	int r;

	if (!address) {
		(void)wq_queue_set_filter(h->node->queue, NULL);
		fuse_reply_ioctl(req, 0, NULL, 0);
		return;
	}
	p = wqfs_park(req, WQ_WAIT_FILTER, h);
	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->mem.done = filter_read;
	r = wq_user_mem_start(&p->fs->user_mem, &p->mem, ctx->pid, ctx->uid, address);
	if (r < 0) {
		p->wait = WQ_WAIT_NOTHING; /* mem has not begun */
		wqfs_complete(p, r);
		return;
	}
	wqfs_may_interrupt(p);
}

int wqfs_set_sized_filter(struct wq_handle *h, const struct wqfs_filter *f)
{
	if (f->nr_filters == 0 && f->__reserved == 0)
		return wq_queue_set_filter(h->node->queue, NULL);
	return set_filter(h, f, sizeof(*f));
}
