/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/container.h"
#include "fuse/parked.h"
#include "fuse/reading.h"
#include "fuse/sync.h"

void wqfs_drained(struct wq_node *node)
{
	struct wq_parked *p;

	while ((p = TAILQ_FIRST(&node->drains)))
		wqfs_complete(p, 0);
}

static void sync_done(struct wq_keys_sync *sync)
{
	struct wq_parked *p = wq_container_of(sync, struct wq_parked, sync);

	p->syncing = false;
	if (p->wait == WQ_WAIT_DRAIN && !wqfs_all_is_read(p->handle->node))
		wqfs_line_up(p, &p->handle->node->drains);
	else
		wqfs_complete(p, 0);
}

void wqfs_sync(fuse_req_t req, enum wq_wait wait, struct wq_handle *h)
{
	struct wq_parked *p = wqfs_park(req, wait, h);

	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (fuse_req_interrupted(req)) {
		wqfs_complete(p, -EINTR);
		return;
	}
	wqfs_may_interrupt(p);
	p->sync.done = sync_done;
	p->sync.uid = fuse_req_ctx(req)->uid;
	p->syncing = true;
	wq_keys_sync(p->fs->keys, &p->sync);
}
