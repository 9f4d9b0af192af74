/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/container.h"
#include "fuse/attrs.h"
#include "fuse/constructing.h"
#include "fuse/in_order.h"
#include "fuse/xattrs.h"

static void reply(fuse_req_t req, int r)
{
	fuse_reply_err(req, -r);
}

/* ---- requests that wait for what was done before them ---- */

struct later {
	struct wqfs_ordered ordered;
	fuse_ino_t ino;
	int flags;
	char name[XATTR_NAME_MAX + 1];
	size_t size; /* of the value */
	char value[];
};

/* Does GO later; LOSES as in struct wqfs_ordered. VALUE is NULL or has SIZE bytes, which are
 * copied. */
static void wait_with(fuse_req_t req, void (*go)(fuse_req_t req, struct wqfs_ordered *ordered),
	fuse_ino_t ino, struct wq_queue *loses, const char *name, const char *value,
	size_t size, int flags)
{
	struct later *l = calloc(1, sizeof(*l) + (value ? size : 0));

	if (!l) {
		reply(req, -ENOMEM);
		return;
	}
	l->ordered.go = go;
	l->ordered.loses = loses;
	l->ino = ino;
	l->flags = flags;
	l->size = size;
	strncpy(l->name, name, sizeof(l->name) - 1);
	if (value)
		memcpy(l->value, value, size);
	wqfs_go_in_order(req, NULL, &l->ordered);
}

static const struct later *later_of(const struct wqfs_ordered *ordered)
{
	return wq_container_of(ordered, struct later, ordered);
}

/* ---- get ---- */

static void reply_xattr(fuse_req_t req, const char *text, size_t len, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, text, len);
}

static void get(fuse_req_t req, const struct wq_node *node, const char *name, size_t size)
{
	struct wq_caller caller = wqfs_caller(req);
	char *text;
	ssize_t n = wq_attr_get(node, wqfs_of(req)->keys, name, &caller, &text);

	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		reply_xattr(req, text, (size_t)n, size);
	free(text);
}

void wqfs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct wq_node *node;

	if (!wqfs_node_of(req, ino, &node))
		return;
	(void)wqfs_drain_sources(req); /* as for the ioctl that returns the same */
	get(req, node, name, size);
}

void wqfs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct wq_node *node;
	const char *names;
	size_t len;

	if (!wqfs_node_of(req, ino, &node))
		return;
	names = wq_attr_list(node, &len);
	reply_xattr(req, names, len, size);
}

/* ---- set ---- */

/* Sets WQFS_XATTR_WATCHES, for which the request may have to wait for a key. */
static void set_watch(fuse_req_t req, struct wq_node *node, const char *value, size_t size)
{
	struct wqfs_watch_key w;
	int r = wq_attr_parse_watch(value, size, &w);

	if (r < 0)
		reply(req, r);
	else
		wqfs_watch_by_attr(req, node, &w);
}

static void set(fuse_req_t req, struct wq_node *node, const char *name, const char *value,
	size_t size, int flags)
{
	if ((flags & XATTR_CREATE) && wq_attr_exists(node, name))
		reply(req, -EEXIST);
	else if (node && !strcmp(name, WQFS_XATTR_WATCHES))
		set_watch(req, node, value, size);
	else
		reply(req, wq_attr_set(node, name, value, size));
}

/* May a queue get less, when its attribute NAME is set so, of what was done before? */
static bool takes_away(const char *name, const char *value, size_t size)
{
	struct wqfs_watch_key w;

	return !strcmp(name, WQFS_XATTR_FILTER) ||
	       (!strcmp(name, WQFS_XATTR_WATCHES) &&
		       wq_attr_parse_watch(value, size, &w) == 0 && w.watch_id < 0);
}

/* Does the attribute NAME change what a queue gets? */
static bool is_in_order(const char *name)
{
	return !strcmp(name, WQFS_XATTR_WATCHES) || !strcmp(name, WQFS_XATTR_FILTER) ||
	       !strcmp(name, WQFS_XATTR_SIZE);
}

static void set_now(fuse_req_t req, struct wqfs_ordered *ordered)
{
	const struct later *l = later_of(ordered);
	struct wq_node *node;

	if (wqfs_node_of(req, l->ino, &node))
		set(req, node, l->name, l->value, l->size, l->flags);
}

void wqfs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	size_t size, int flags)
{
	struct wq_node *node;

	if (!wqfs_node_of(req, ino, &node))
		return;
	if (wqfs_drain_sources(req) || !is_in_order(name) || size > WQ_ATTR_MAX)
		set(req, node, name, value, size, flags);
	else
		wait_with(req, set_now, ino,
			node && takes_away(name, value, size) ? node->queue : NULL, name, value,
			size, flags);
}

static void remove_now(fuse_req_t req, struct wqfs_ordered *ordered)
{
	const struct later *l = later_of(ordered);
	struct wq_node *node;

	if (wqfs_node_of(req, l->ino, &node))
		reply(req, wq_attr_remove(node, l->name));
}

void wqfs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct wq_node *node;

	if (!wqfs_node_of(req, ino, &node))
		return;
	if (wqfs_drain_sources(req) || !is_in_order(name))
		reply(req, wq_attr_remove(node, name));
	else
		wait_with(req, remove_now, ino, NULL, name, NULL, 0, 0);
}
