/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "fuse/begun_sync.h"
#include "fuse/constructing.h"
#include "fuse/in_order.h"
#include "fuse/parked.h"
#include "fuse/reading.h"
#include "fuse/requests.h"
#include "fuse/to_serve.h"

void wqfs_forget_handle(struct wqfs *fs, struct wq_handle *handle)
{
	struct wq_parked *p;

	while ((p = TAILQ_FIRST(&handle->parked)))
		wqfs_complete(p, -EINTR);
	wqfs_put_piece_back(handle);
	wqfs_forget_sync(handle);
	wqfs_forget_polls(fs, handle);
	wqfs_forget_to_serve(handle->node);
}

void wqfs_stop(struct wqfs *fs)
{
	struct wq_parked *p;
	struct wq_node *node, *tmp;

	fs->stopping = true;
	wqfs_stop_asking(fs);
	while ((p = TAILQ_FIRST(&fs->parked)))
		if (p->wait == WQ_WAIT_POSTS)
			wqfs_complete_poll(p);
		else if (p->wait == WQ_WAIT_ORDER)
			wqfs_go_now(p);
		else if (p->wait == WQ_WAIT_RECORD && wqfs_readable(p->handle))
			wqfs_serve_reader(p);
		else
			wqfs_complete(p, p->wait == WQ_WAIT_RECORD ? 0 : -EINTR);
	HASH_ITER (by_ino, fs->ns.by_ino, node, tmp)
		wqfs_last_notice(fs, node);
}
