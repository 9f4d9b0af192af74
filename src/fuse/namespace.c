/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/unused.h"
#include "fuse/namespace.h"

static void touch(struct timespec *t)
{
	clock_gettime(CLOCK_REALTIME, t);
}

void wq_namespace_init(struct wq_namespace *ns)
{
	memset(ns, 0, sizeof(*ns));
	ns->next_ino = WQ_ROOT_INO + 1;
	ns->uid = geteuid();
	ns->gid = getegid();
	ns->mode = 01777;
	touch(&ns->mtime);
	TAILQ_INIT(&ns->named);
}

/* ---- limits ---- */

static uint64_t limit_of(const struct wq_namespace *ns, uid_t uid)
{
	return uid == 0 || ns->max_queues == 0 ? WQ_PER_USER_UNLIMITED : ns->max_queues;
}

static int charge(struct wq_namespace *ns, uid_t uid)
{
	return wq_per_user_charge(&ns->charged, uid, limit_of(ns, uid));
}

static void uncharge(struct wq_namespace *ns, const struct wq_node *node)
{
	wq_per_user_uncharge(&ns->charged, node->charged);
	if (node->adopted)
		wq_per_user_uncharge(&ns->adopted, node->charged);
}

int wq_namespace_may_open(const struct wq_namespace *ns, const struct wq_node *node, uid_t uid)
{
	if (uid == node->charged || wq_per_user_count(&ns->adopted, uid) < limit_of(ns, uid))
		return 0;
	return -EDQUOT;
}

void wq_namespace_adopt(struct wq_namespace *ns, struct wq_node *node, uid_t uid)
{
	if (wq_per_user_charge(&ns->charged, uid, WQ_PER_USER_UNLIMITED) < 0)
		return;
	if (wq_per_user_charge(&ns->adopted, uid, WQ_PER_USER_UNLIMITED) < 0) {
		wq_per_user_uncharge(&ns->charged, uid);
		return;
	}
	uncharge(ns, node);
	node->charged = uid;
	node->adopted = true;
}

/* ---- nodes ---- */

/* Gives NAME, which is in the table, to NODE, which has no name. NODE owns it from then on. */
static void give_name(struct wq_namespace *ns, struct wq_node *node, struct wq_name *name)
{
	struct wq_node *after;

	assert(!node->name);
	name->node = node;
	node->name = name;
	/* sorted by inode number, so that readdir() neither skips nor repeats a queue */
	TAILQ_FOREACH_REVERSE (after, &ns->named, wq_named, node)
		if (after->ino < node->ino)
			break;
	if (after)
		TAILQ_INSERT_AFTER(&ns->named, after, node, node);
	else
		TAILQ_INSERT_HEAD(&ns->named, node, node);
	ns->names++;
	touch(&ns->mtime);
}

/* Takes the name from NODE and returns it. It is still in the table. */
static struct wq_name *take_name(struct wq_namespace *ns, struct wq_node *node)
{
	struct wq_name *name = node->name;

	assert(name->node == node && ns->names);
	TAILQ_REMOVE(&ns->named, node, node);
	ns->names--;
	node->name = NULL;
	touch(&node->ctime);
	touch(&ns->mtime);
	return name;
}

static void drop_name(struct wq_namespace *ns, struct wq_node *node)
{
	struct wq_name *name = take_name(ns, node);

	HASH_DEL(ns->by_name, name);
	free(name);
}

/* Adds TEXT to the table as a name without an owner. NULL: no memory. */
static struct wq_name *new_name(struct wq_namespace *ns, const char *text)
{
	size_t len = strlen(text);
	struct wq_name *name = calloc(1, sizeof(*name) + len + 1);

	if (!name)
		return NULL;
	memcpy(name->text, text, len + 1);
	HASH_ADD_KEYPTR(hh, ns->by_name, name->text, len, name);
	if (!name->hh.tbl) {
		free(name);
		return NULL;
	}
	return name;
}

/* Does anybody wait for NODE or read it? */
static WQ_UNUSED bool in_use(const struct wq_node *node)
{
	return !TAILQ_EMPTY(&node->arrived) || !TAILQ_EMPTY(&node->readers) ||
	       !TAILQ_EMPTY(&node->drains) || !LIST_EMPTY(&node->handles) ||
	       !LIST_EMPTY(&node->polled) || node->early || node->pieces || node->to_serve;
}

/* Nobody uses NODE's queue any more: whoever it counts for pays for its end. */
static void drop_queue(struct wq_namespace *ns, struct wq_node *node)
{
	if (ns->closing)
		wq_closing_add(ns->closing, node->queue, node->charged);
	else
		wq_queue_put(node->queue);
}

static void free_node(struct wq_namespace *ns, struct wq_node *node)
{
	assert(!in_use(node));
	if (node->name)
		drop_name(ns, node);
	if (node->by_ino.tbl)
		HASH_DELETE(by_ino, ns->by_ino, node);
	drop_queue(ns, node);
	uncharge(ns, node);
	free(node);
}

void wq_namespace_fini(struct wq_namespace *ns)
{
	struct wq_node *node, *tmp;

	HASH_ITER (by_ino, ns->by_ino, node, tmp)
		free_node(ns, node);
	assert(!ns->by_name && !ns->names && TAILQ_EMPTY(&ns->named));
	assert(!ns->charged.by_uid && !ns->adopted.by_uid);
}

bool wq_namespace_reap(struct wq_namespace *ns, struct wq_node *node)
{
	if (node->name || node->lookups || node->opens)
		return false;
	free_node(ns, node);
	return true;
}

static struct wq_node *new_node(struct wq_namespace *ns, mode_t mode, uid_t uid, gid_t gid)
{
	struct wq_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->ino = ns->next_ino++;
	node->mode = mode & 07777;
	node->uid = node->charged = uid;
	node->gid = gid;
	touch(&node->ctime);
	TAILQ_INIT(&node->arrived);
	TAILQ_INIT(&node->readers);
	TAILQ_INIT(&node->drains);
	LIST_INIT(&node->handles);
	LIST_INIT(&node->polled);
	node->queue = wq_queue_new(ns->ops, node, &ns->max_size);
	if (node->queue)
		HASH_ADD(by_ino, ns->by_ino, ino, sizeof(node->ino), node);
	if (!node->queue || !node->by_ino.tbl) {
		wq_queue_put(node->queue);
		free(node);
		return NULL;
	}
	wq_queue_share_surplus(node->queue, &ns->surplus);
	return node;
}

static int name_new(struct wq_namespace *ns, struct wq_node *node, const char *text)
{
	struct wq_name *name;
	int r;

	if (!strcmp(text, WQFS_ANONYMOUS)) {
		node->anonymous = true;
		return 0;
	}
	r = wq_queue_set_default_size(node->queue, ns->default_size);
	if (r < 0)
		return r;
	node->format = node->first_format = ns->default_format;
	name = new_name(ns, text);
	if (!name)
		return -ENOMEM;
	give_name(ns, node, name);
	return 0;
}

int wq_namespace_create(struct wq_namespace *ns, const char *name, mode_t mode, uid_t uid,
	gid_t gid, struct wq_node **out)
{
	struct wq_node *node;
	int r;

	if (strlen(name) > WQFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (wq_namespace_find(ns, name))
		return -EEXIST;
	r = charge(ns, uid);
	if (r < 0)
		return r;
	node = new_node(ns, mode, uid, gid);
	if (!node) {
		wq_per_user_uncharge(&ns->charged, uid);
		return -ENOMEM;
	}
	r = name_new(ns, node, name);
	if (r < 0) {
		free_node(ns, node);
		return r;
	}
	*out = node;
	return 0;
}

struct wq_node *wq_namespace_find(const struct wq_namespace *ns, const char *text)
{
	struct wq_name *name;

	HASH_FIND(hh, ns->by_name, text, strlen(text), name);
	return name ? name->node : NULL;
}

struct wq_node *wq_namespace_inode(const struct wq_namespace *ns, uint64_t ino)
{
	struct wq_node *node;

	HASH_FIND(by_ino, ns->by_ino, &ino, sizeof(ino), node);
	return node;
}

int wq_namespace_unlink(struct wq_namespace *ns, const char *name)
{
	struct wq_node *node = wq_namespace_find(ns, name);

	if (!node)
		return -ENOENT;
	drop_name(ns, node);
	wq_namespace_reap(ns, node);
	return 0;
}

static void exchange(struct wq_namespace *ns, struct wq_node *a, struct wq_node *b)
{
	struct wq_name *of_a = take_name(ns, a), *of_b = take_name(ns, b);

	give_name(ns, a, of_b);
	give_name(ns, b, of_a);
}

/* NODE takes the name of THERE. */
static void replace(struct wq_namespace *ns, struct wq_node *node, struct wq_node *there)
{
	struct wq_name *name = take_name(ns, there);

	drop_name(ns, node);
	give_name(ns, node, name);
	wq_namespace_reap(ns, there);
}

int wq_namespace_rename(
	struct wq_namespace *ns, const char *from, const char *to, unsigned int flags)
{
	struct wq_node *node = wq_namespace_find(ns, from);
	struct wq_node *there = wq_namespace_find(ns, to);
	struct wq_name *name;

	if (flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	/* whoever opens that name must get a new queue */
	if (!strcmp(to, WQFS_ANONYMOUS))
		return -EPERM;
	if (!node || ((flags & RENAME_EXCHANGE) && !there))
		return -ENOENT;
	if (strlen(to) > WQFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (there && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (node == there)
		return 0;
	if (there) {
		if (flags & RENAME_EXCHANGE)
			exchange(ns, node, there);
		else
			replace(ns, node, there);
		return 0;
	}
	name = new_name(ns, to);
	if (!name)
		return -ENOMEM;
	drop_name(ns, node);
	give_name(ns, node, name);
	return 0;
}

/* ---- attributes ---- */

void wq_namespace_set_attrs(
	struct wq_namespace *ns, struct wq_node *node, unsigned int set, const struct stat *st)
{
	if (set & WQ_SET_MODE)
		*(node ? &node->mode : &ns->mode) = st->st_mode & 07777;
	if (set & WQ_SET_UID)
		*(node ? &node->uid : &ns->uid) = st->st_uid;
	if (set & WQ_SET_GID)
		*(node ? &node->gid : &ns->gid) = st->st_gid;
	touch(node ? &node->ctime : &ns->mtime);
}

void wq_node_stat_public(const struct wq_node *node, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = node->ino;
	st->st_mode = S_IFREG | node->mode;
	st->st_nlink = node->name ? 1 : 0;
	st->st_uid = node->uid;
	st->st_gid = node->gid;
	st->st_blksize = 4096;
	st->st_mtim = st->st_atim = st->st_ctim = node->ctime;
}

void wq_node_stat(const struct wq_node *node, struct stat *st)
{
	wq_node_stat_public(node, st);
	st->st_size = (off_t)(wq_queue_bytes(node->queue, node->format) + node->rest);
	st->st_mtim = st->st_atim = wq_queue_mtime(node->queue);
}

void wq_namespace_stat(const struct wq_namespace *ns, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = WQ_ROOT_INO;
	st->st_mode = S_IFDIR | ns->mode;
	st->st_nlink = 2;
	st->st_uid = ns->uid;
	st->st_gid = ns->gid;
	st->st_blksize = 4096;
	st->st_mtim = st->st_atim = st->st_ctim = ns->mtime;
}
