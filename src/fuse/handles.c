/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>

#include "fuse/answered.h"
#include "fuse/constructing.h"
#include "fuse/handles.h"
#include "fuse/queue_rights.h"
#include "fuse/requests.h"
#include "fuse/to_serve.h"

struct wq_handle *wqfs_handle_new(fuse_req_t req, struct wq_node *node, int flags)
{
	struct wq_caller caller = wqfs_caller(req);
	struct wq_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->fs = wqfs_of(req);
	h->node = node;
	h->uid = h->used_by = caller.uid;
	h->writer = (flags & O_ACCMODE) != O_RDONLY;
	h->may_change = h->writer || node->anonymous || wq_rights_write(node, &caller);
	TAILQ_INIT(&h->parked);
	h->write_only = (flags & O_ACCMODE) == O_WRONLY;
	h->takes_nothing = flags & O_NOATIME;
	if (wqfs_charge_reader(h, h->uid) < 0) {
		free(h);
		return NULL;
	}
	LIST_INSERT_HEAD(&node->handles, h, entry);
	node->opens++;
	node->charged_opens += caller.uid == node->charged;
	if (h->writer) {
		wqfs_forget_end(h->fs, node);
		node->writers++;
		node->had_writer |= node->anonymous;
	}
	return h;
}

void wqfs_charge_holder(struct wqfs *fs, struct wq_node *node)
{
	const struct wq_handle *h = LIST_FIRST(&node->handles);

	if (node->name || node->charged_opens || !h)
		return;
	wq_namespace_adopt(&fs->ns, node, h->uid);
	LIST_FOREACH (h, &node->handles, entry)
		node->charged_opens += h->uid == node->charged;
}

void wqfs_handle_free(struct wqfs *fs, struct wq_handle *h)
{
	struct wq_node *node = h->node;

	wqfs_forget_handle(fs, h);
	wqfs_set_user(h, h->uid);
	wqfs_uncharge_reader(h, h->uid);
	LIST_REMOVE(h, entry);
	node->opens--;
	node->charged_opens -= h->uid == node->charged;
	wqfs_charge_holder(fs, node);
	if (h->writer && --node->writers == 0 && node->had_writer)
		wqfs_writers_gone(fs, node);
	if (!node->opens)
		wqfs_forget_end(fs, node);
	if (!h->writer && node->opens == node->writers)
		wqfs_readers_gone(node);
	free(h);
	wq_namespace_reap(&fs->ns, node);
}

/* ---- life ---- */

struct wqfs *wqfs_new(
	const struct wqfs_config *config, struct wq_loop *loop, struct wq_keys *keys)
{
	struct wqfs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->buf = malloc(WQFS_READ_MAX);
	if (!fs->buf) {
		free(fs);
		return NULL;
	}
	fs->loop = loop;
	fs->keys = keys;
	fs->max_read = config->max_read;
	fs->for_all = config->for_all;
	TAILQ_INIT(&fs->parked);
	TAILQ_INIT(&fs->constructing);
	TAILQ_INIT(&fs->to_serve);
	TAILQ_INIT(&fs->undrained);
	TAILQ_INIT(&fs->early);
	TAILQ_INIT(&fs->ordered);
	TAILQ_INIT(&fs->left);
	TAILQ_INIT(&fs->to_serve_last);
	wq_user_mem_init(&fs->user_mem, loop);
	wq_namespace_init(&fs->ns);
	wq_closing_init(&fs->closing, loop);
	fs->ns.ops = &wqfs_queue_ops;
	fs->ns.closing = &fs->closing;
	fs->ns.default_format = config->default_format;
	wqfs_set_limits(fs, &config->limits);
	return fs;
}

struct wq_keys_pace wqfs_pace(const struct wq_limits *limits)
{
	return (struct wq_keys_pace){
		.cpu_budget = limits->cpu_budget,
		.poll_min_ms = limits->poll_min_ms,
		.poll_max_ms = limits->poll_max_ms,
		.resync_s = limits->resync_s,
	};
}

void wqfs_set_limits(struct wqfs *fs, const struct wq_limits *limits)
{
	const struct wq_keys_pace pace = wqfs_pace(limits);

	fs->ns.default_size = limits->default_size;
	fs->ns.max_size = limits->max_size;
	fs->ns.max_queues = limits->max_queues;
	wq_keys_set_pace(fs->keys, &pace);
}

/* A forced unmount skips RELEASE, so this closes what is still open. */
void wqfs_free(struct wqfs *fs)
{
	struct wq_node *node, *tmp;

	if (!fs)
		return;
	wqfs_stop(fs);
	HASH_ITER (by_ino, fs->ns.by_ino, node, tmp) {
		node->lookups++; /* so that it outlives its handles */
		while (!LIST_EMPTY(&node->handles))
			wqfs_handle_free(fs, LIST_FIRST(&node->handles));
	}
	wqfs_forget_constructions(fs);
	wqfs_answers_fini(fs);
	wq_lives_fini(&fs->lives);
	wq_user_mem_fini(&fs->user_mem);
	wq_namespace_fini(&fs->ns);
	wq_closing_fini(&fs->closing);
	free(fs->groups.list);
	free(fs->buf);
	free(fs);
}
