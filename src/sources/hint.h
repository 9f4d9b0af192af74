/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hint: what somebody did, or is about to do, to a key. */
#ifndef WQ_HINT_H
#define WQ_HINT_H

#include <stdint.h>

#include "record/record.h"
#include "sources/operation.h"

#define WQ_HINT_ARGS WQ_OP_ARGS

struct wq_hint {
	uint32_t op; /* KEYCTL_*, WQFS_REPORT_ADD_KEY, WQFS_REPORT_REQUEST_KEY */
	/* keyctl()'s arguments 2 to 5, as far as they are numbers; of add_key() and
	 * request_key() the first is the keyring. A special keyring that was not
	 * resolved is its negative number. */
	int32_t arg[WQ_HINT_ARGS];
	int32_t result;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC around it */
	pid_t tid;		   /* the thread that did it */
	struct wq_cred who;	   /* if it was told; else to be asked by tid */
};

#endif
