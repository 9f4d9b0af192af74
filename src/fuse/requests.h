/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations on an open queue, which may have to wait, and the end of all waits. */
#ifndef WQ_REQUESTS_H
#define WQ_REQUESTS_H

#include "fuse/ioctls.h"
#include "fuse/polls.h"
#include "fuse/serving.h"

/* Ends every wait: readers get end of file, now and from now on; pollers are woken. */
void wqfs_stop(struct wqfs *fs);

/* HANDLE is being released: answers what still waits through it. */
void wqfs_forget_handle(struct wqfs *fs, struct wq_handle *handle);

#endif
