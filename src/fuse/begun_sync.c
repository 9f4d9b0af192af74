/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/container.h"
#include "fuse/begun_sync.h"
#include "fuse/to_serve.h"

static void begun_sync_done(struct wq_keys_sync *sync)
{
	struct wq_handle *h = wq_container_of(sync, struct wq_handle, sync);

	h->syncing = false;
	h->synced = true;
	wqfs_poll_again(h->node);
}

void wqfs_forget_sync(struct wq_handle *h)
{
	if (h->syncing)
		wq_keys_sync_cancel(h->fs->keys, &h->sync);
	h->syncing = h->synced = false;
}

void wqfs_begin_sync(fuse_req_t req, struct wq_handle *h)
{
	wqfs_forget_sync(h);
	h->sync.done = begun_sync_done;
	h->sync.uid = fuse_req_ctx(req)->uid;
	h->syncing = true;
	wq_keys_sync(h->fs->keys, &h->sync);
	fuse_reply_ioctl(req, 0, NULL, 0);
}
