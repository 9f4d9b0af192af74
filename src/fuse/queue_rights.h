/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may read or change a queue: root, its owner, and those whom its mode allows. Pure. */
#ifndef WQ_QUEUE_RIGHTS_H
#define WQ_QUEUE_RIGHTS_H

#include <stdbool.h>

#include "base/caller.h"
#include "fuse/namespace.h"

/* Reads the caller's groups only where they make a difference. */
bool wq_rights_read(const struct wq_node *node, const struct wq_caller *caller);

/* The owner needs no write bit, because the owner could set it. */
bool wq_rights_write(const struct wq_node *node, const struct wq_caller *caller);

#endif
