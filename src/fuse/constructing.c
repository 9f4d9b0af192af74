/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/container.h"
#include "fuse/constructing.h"
#include "fuse/parked.h"

/* The first wait before the daemon asks again for a key under construction, and the longest:
 * each is twice the last one. */
#define CONSTRUCT_FIRST_NS 5000000u
#define CONSTRUCT_MAX_NS   200000000u

/* It may take a millisecond to find out whether a key is constructed. The user who waits pays
 * for that, so that a user with many such keys delays nobody else. */
#define CONSTRUCT_SLICE_NS 2000000u

static uid_t uid_of(const struct wq_parked *p)
{
	return fuse_req_ctx(p->req)->uid;
}

/* The daemon will ask for P's key at NS. Puts P behind all requests with an earlier time. */
static void ask_at(struct wq_parked *p, uint64_t ns)
{
	struct wq_parked_list *line = &p->fs->constructing;
	struct wq_parked *before;

	wqfs_line_up(p, line);
	p->construct.ask_ns = ns;
	TAILQ_REMOVE(line, p, in_line);
	TAILQ_FOREACH_REVERSE(before, line, wq_parked_list, in_line)
	{
		if (before->construct.ask_ns <= ns) {
			TAILQ_INSERT_AFTER(line, before, p, in_line);
			return;
		}
	}
	TAILQ_INSERT_HEAD(line, p, in_line);
}

/* The first request whose time has come and whose user has time left. */
static struct wq_parked *first_to_ask(struct wqfs *fs, uint64_t now)
{
	struct wq_parked *p;

	TAILQ_FOREACH (p, &fs->constructing, in_line) {
		if (p->construct.ask_ns > now)
			break;
		if (wq_shares_left(&fs->asking, uid_of(p), now))
			return p;
	}
	return NULL;
}

static int ask(struct wq_parked *p)
{
	struct wqfs *fs = p->fs;
	struct wq_caller caller = wqfs_caller(p->req);
	uint64_t began = wq_now_ns();
	int r = wq_keys_watch(fs->keys, p->handle->node->queue, p->construct.watch.key,
		p->construct.watch.watch_id, &caller);

	if (r == -EINPROGRESS)
		wq_shares_spend(&fs->asking, caller.uid, wq_now_ns() - began);
	return r;
}

/* KEY is still under construction: others that wait for it are asked later instead of now.
 * DONE: it is constructed: they are asked now instead of later. */
static void ask_others(struct wqfs *fs, int32_t key, uint64_t now, bool done)
{
	struct wq_parked *p, *next;

	for (p = TAILQ_FIRST(&fs->constructing); p; p = next) {
		next = TAILQ_NEXT(p, in_line);
		if (p->construct.watch.key != key || done == (p->construct.ask_ns <= now))
			continue;
		if (!done && p->construct.wait_ns < CONSTRUCT_MAX_NS)
			p->construct.wait_ns *= 2;
		ask_at(p, done ? now : now + p->construct.wait_ns);
	}
}

static void plan_asking(struct wqfs *fs, uint64_t now)
{
	const struct wq_parked *p = TAILQ_FIRST(&fs->constructing);
	uint64_t soon = now + CONSTRUCT_FIRST_NS;

	if (!p)
		return;
	if (first_to_ask(fs, now))
		soon = now;
	else if (p->construct.ask_ns > now)
		soon = p->construct.ask_ns;
	wq_timer_set(fs->loop, &fs->construct, soon);
}

/* Starts from the front after each request: asking may post, which may remove any request from
 * the list. */
static void ask_constructed(struct wq_timer *timer)
{
	struct wqfs *fs = wq_container_of(timer, struct wqfs, construct);
	uint64_t now = wq_now_ns(), until = now + CONSTRUCT_SLICE_NS;
	struct wq_parked *p;

	while (now < until && (p = first_to_ask(fs, now))) {
		int32_t key = p->construct.watch.key;
		int r = ask(p);

		now = wq_now_ns();
		if (r != -EINPROGRESS)
			wqfs_complete(p, r);
		ask_others(fs, key, now, r != -EINPROGRESS);
	}
	plan_asking(fs, now);
}

/* Does somebody wait for the construction of KEY? Then a newcomer need not ask for it. */
static bool is_awaited(const struct wqfs *fs, int32_t key)
{
	const struct wq_parked *p;

	TAILQ_FOREACH (p, &fs->constructing, in_line)
		if (p->construct.watch.key == key)
			return true;
	return false;
}

void wqfs_watch_key(
	fuse_req_t req, struct wq_handle *h, const struct wqfs_watch_key *w, bool waits)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p = wqfs_park(req, WQ_WAIT_CONSTRUCT, h);
	int r = -EINPROGRESS;
	uint64_t now;

	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->construct.watch = *w;
	p->construct.wait_ns = CONSTRUCT_FIRST_NS;
	if (!is_awaited(fs, w->key) && wq_shares_left(&fs->asking, uid_of(p), wq_now_ns()))
		r = ask(p);
	if (r != -EINPROGRESS || !waits) {
		wqfs_complete(p, r);
		return;
	}
	now = wq_now_ns();
	ask_at(p, now + p->construct.wait_ns);
	fs->construct.fire = ask_constructed;
	if (!fs->construct.set || fs->construct.due_ns > p->construct.ask_ns)
		wq_timer_set(fs->loop, &fs->construct, p->construct.ask_ns);
	wqfs_may_interrupt(p);
}

void wqfs_stop_asking(struct wqfs *fs)
{
	wq_timer_clear(fs->loop, &fs->construct);
}
