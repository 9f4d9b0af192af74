/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a system call on keys changed, if all is known of it. Pure. */
#ifndef WQ_CALL_CHANGES_H
#define WQ_CALL_CHANGES_H

#include <stddef.h>

#include "sources/event.h"
#include "sources/hook_abi.h"

#define WQ_CALL_CHANGES_MAX 2

/* Stores in CHANGES what the kernel's notify_key() was called with by CALL, which has
 * succeeded, in that order. Returns how many changes there are. A key that was revoked or
 * invalidated before is said to be once more: that is for whoever knows the key. */
size_t wq_call_changes(
	const struct wq_hook_call *call, struct wq_change changes[WQ_CALL_CHANGES_MAX]);

#endif
