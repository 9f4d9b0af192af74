/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A record in a queue: the kernel's bytes, when it was posted and, if that is known, who caused
 * it.
 */
#ifndef WQ_RECORD_H
#define WQ_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/cred.h"
#include "wqfs.h"

struct wq_record {
	struct timespec when; /* CLOCK_REALTIME of the post */
	struct wq_cred who;
	uint8_t len; /* bytes used in data: WQFS_RECORD_MIN..WQFS_RECORD_MAX */
	uint8_t data[WQFS_RECORD_MAX];
};

/* The greatest length of one record in any format. */
#define WQ_RENDER_MAX 1024

#endif
