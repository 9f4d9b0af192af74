/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a system call on keys has changed, if all about the call is known. Pure. */
#ifndef WQ_CALL_CHANGES_H
#define WQ_CALL_CHANGES_H

#include <stddef.h>

#include "sources/event.h"
#include "sources/hook_abi.h"

/* Stores in CHANGES the arguments of the kernel's notify_key() for CALL, which has succeeded,
 * in their order, as the table of operations says. Returns the number of changes. A key that
 * was revoked or invalidated before is reported once more: whoever knows the key must drop
 * that. */
size_t wq_call_changes(const struct wq_hook_call *call, struct wq_change changes[WQ_OP_POSTS]);

#endif
