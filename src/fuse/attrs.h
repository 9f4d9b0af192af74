/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The extended attributes: a queue's settings and state in text. */
#ifndef WQ_ATTRS_H
#define WQ_ATTRS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/caller.h"
#include "fuse/namespace.h"
#include "keys_bridge.h"

/* Text of attribute NAME of NODE (NULL: the root directory), as far as CALLER may know it,
 * into *OUT, to be freed; its length without the NUL behind it, or -ENODATA: no such attribute;
 * -ENOMEM; -E2BIG: more than the kernel takes. */
ssize_t wq_attr_get(const struct wq_node *node, struct wq_keys *keys, const char *name,
	const struct wq_caller *caller, char **out);

/* Sets NAME from LEN bytes of text at VALUE. 0, or -ENOTSUP: not one of ours; -EPERM: it
 * cannot be set; -EINVAL: text that cannot be understood, and the errors of what it does:
 * wq_queue_set_size(), wq_keys_watch() for CALLER. */
int wq_attr_set(struct wq_node *node, struct wq_keys *keys, const char *name, const char *value,
	size_t len, const struct wq_caller *caller);

/* Back to what a new queue has. Errors as wq_attr_set(). */
int wq_attr_remove(struct wq_node *node, const char *name);

/* Is NAME one of those? */
bool wq_attr_exists(const struct wq_node *node, const char *name);

/* The names, each with its NUL, as listxattr() gives them; *LEN bytes in all. */
const char *wq_attr_list(const struct wq_node *node, size_t *len);

#endif
