/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The extended attributes: settings and state of a queue as text. */
#ifndef WQ_ATTRS_H
#define WQ_ATTRS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/caller.h"
#include "fuse/namespace.h"
#include "keys_bridge.h"

#define WQ_ATTR_MAX 16383 /* no value that can be set, as a filter in words, is longer */

/* Stores in *OUT, which the caller frees, the text of attribute NAME of NODE (NULL: the root
 * directory), as far as CALLER may know it. Returns its length without the NUL; -ENODATA: there
 * is no such attribute; -ENOMEM; -E2BIG: the kernel does not take so much. */
ssize_t wq_attr_get(const struct wq_node *node, struct wq_keys *keys, const char *name,
	const struct wq_caller *caller, char **out);

/* Sets attribute NAME, which is not WQFS_XATTR_WATCHES of a queue, to the LEN bytes of text at
 * VALUE. 0; -ENOTSUP: wqfs has no such attribute; -EPERM: it cannot be set; -EINVAL: the text
 * is not valid; or an error of wq_queue_set_size(). */
int wq_attr_set(struct wq_node *node, const char *name, const char *value, size_t len);

/* Parses the LEN bytes of text at VALUE, to which WQFS_XATTR_WATCHES is set, into W. 0 or
 * -EINVAL. */
int wq_attr_parse_watch(const char *value, size_t len, struct wqfs_watch_key *w);

/* Sets the attribute back to the value of a new queue. Errors are those of wq_attr_set(). */
int wq_attr_remove(struct wq_node *node, const char *name);

/* Does NODE have the attribute NAME? */
bool wq_attr_exists(const struct wq_node *node, const char *name);

/* The names of the attributes, each with its NUL, as listxattr() returns them; *LEN bytes in
 * all. */
const char *wq_attr_list(const struct wq_node *node, size_t *len);

#endif
