/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuse/parked.h"
#include "fuse/to_serve.h"

static void put_on(struct wq_node_list *list, struct wq_node *node)
{
	node->to_serve = list;
	TAILQ_INSERT_TAIL(list, node, serve);
}

void wqfs_serve_soon(struct wqfs *fs, struct wq_node *node)
{
	if (!node->to_serve)
		put_on(&fs->to_serve, node);
}

void wqfs_serve_last(struct wqfs *fs, struct wq_node *node)
{
	wqfs_no_longer_to_serve(node);
	put_on(&fs->to_serve_last, node);
}

void wqfs_no_longer_to_serve(struct wq_node *node)
{
	if (node->to_serve)
		TAILQ_REMOVE(node->to_serve, node, serve);
	node->to_serve = NULL;
}

/* The same, if anybody waits for something of NODE. */
static void serve_those_of(struct wq_node *node)
{
	if (!TAILQ_EMPTY(&node->readers))
		wqfs_serve_soon(TAILQ_FIRST(&node->readers)->fs, node);
	else if (!LIST_EMPTY(&node->polled))
		wqfs_serve_soon(LIST_FIRST(&node->polled)->fs, node);
}

/* Something can be read. This is called in the middle of a post, so it answers nobody. */
static void wake(struct wq_queue *queue)
{
	struct wq_node *node = wq_queue_owner(queue);

	serve_those_of(node);
	if (!wq_queue_nearly_full(queue))
		return;
	if (!TAILQ_EMPTY(&node->readers))
		TAILQ_FIRST(&node->readers)->fs->pressing = true;
	else if (node->early)
		LIST_FIRST(&node->handles)->fs->pressing = true;
}

const struct wq_queue_ops wqfs_queue_ops = {.wake = wake};

void wqfs_writers_gone(struct wqfs *fs, struct wq_node *node)
{
	if (!node->opens)
		return;
	node->left_ns = wq_now_ns();
	TAILQ_INSERT_TAIL(&fs->left, node, left);
}

bool wqfs_settle_end(struct wqfs *fs, struct wq_node *node)
{
	if (!node->left_ns)
		return true;
	if (!wq_keys_has_posted(fs->keys, node->left_ns))
		return false;
	wqfs_forget_end(fs, node);
	serve_those_of(node);
	return true;
}

void wqfs_forget_end(struct wqfs *fs, struct wq_node *node)
{
	if (node->left_ns)
		TAILQ_REMOVE(&fs->left, node, left);
	node->left_ns = 0;
}

void wqfs_readers_gone(struct wq_node *node)
{
	serve_those_of(node);
}

void wqfs_poll_again(struct wq_node *node)
{
	serve_those_of(node);
}

void wqfs_forget_to_serve(struct wq_node *node)
{
	if (TAILQ_EMPTY(&node->readers) && TAILQ_EMPTY(&node->arrived) &&
		LIST_EMPTY(&node->polled) && TAILQ_EMPTY(&node->drains))
		wqfs_no_longer_to_serve(node);
}
