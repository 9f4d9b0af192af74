/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations on an open queue, which may have to wait, and how all waiting ends. */
#ifndef WQ_REQUESTS_H
#define WQ_REQUESTS_H

#include "fuse/ioctls.h"
#include "fuse/polls.h"
#include "fuse/serving.h"

/* Ends every wait: readers get end of file, now and from now on; who polls is woken. */
void wqfs_stop(struct wqfs *fs);

/* HANDLE is being released: whatever still waits through it is answered. */
void wqfs_forget_handle(struct wqfs *fs, struct wq_handle *handle);

#endif
