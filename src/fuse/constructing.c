/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "fuse/constructing.h"
#include "fuse/parked.h"

/* The first pause before the daemon asks again for a key under construction, and the longest:
 * each is twice the last one. */
#define CONSTRUCT_FIRST_NS (5 * WQ_NSEC_PER_MSEC)
#define CONSTRUCT_MAX_NS   (200 * WQ_NSEC_PER_MSEC)

/* While it finds out that a key is not constructed the daemon sleeps in the kernel for so long,
 * which no CPU clock counts. */
#define ASLEEP_NS 500000u

/* How many of those who wait for one key are checked for time left. */
#define USERS_AT_ONCE 16

/* A key that requests wait for. When nobody waits any more it stays until its next turn. */
struct wq_construction {
	struct wqfs *fs;
	int32_t key;
	bool done;	  /* it is constructed: those who wait are served one by one */
	uint64_t ask_ns;  /* when the daemon asks for it again */
	uint64_t wait_ns; /* the pause before that */
	struct wq_parked_list waiting;
	TAILQ_ENTRY(wq_construction) node; /* in fs->constructing, by ask_ns */
	UT_hash_handle hh;
};

static uid_t uid_of(const struct wq_parked *p)
{
	return fuse_req_ctx(p->req)->uid;
}

static struct wq_construction *find(const struct wqfs *fs, int32_t key)
{
	struct wq_construction *c;

	HASH_FIND_INT(fs->constructions, &key, c);
	return c;
}

/* Puts C in the list for a turn at NS. */
static void insert(struct wq_construction *c, uint64_t ns)
{
	struct wq_construction_list *line = &c->fs->constructing;
	struct wq_construction *before;

	c->ask_ns = ns;
	TAILQ_FOREACH_REVERSE (before, line, wq_construction_list, node) {
		if (before->ask_ns <= ns) {
			TAILQ_INSERT_AFTER(line, before, c, node);
			return;
		}
	}
	TAILQ_INSERT_HEAD(line, c, node);
}

static void move_to(struct wq_construction *c, uint64_t ns)
{
	TAILQ_REMOVE(&c->fs->constructing, c, node);
	insert(c, ns);
}

/* A new entry; NULL: no memory. */
static struct wq_construction *new_construction(struct wqfs *fs, int32_t key)
{
	struct wq_construction *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fs = fs;
	c->key = key;
	HASH_ADD_INT(fs->constructions, key, c);
	if (!c->hh.tbl) {
		free(c);
		return NULL;
	}
	c->wait_ns = CONSTRUCT_FIRST_NS;
	TAILQ_INIT(&c->waiting);
	insert(c, wq_now_ns() + c->wait_ns);
	return c;
}

static void free_construction(struct wq_construction *c)
{
	TAILQ_REMOVE(&c->fs->constructing, c, node);
	HASH_DEL(c->fs->constructions, c);
	free(c);
}

/* Is R no answer yet? */
static bool is_for_later(int r)
{
	return r == -EINPROGRESS || r == -EALREADY;
}

static int watch_for(struct wq_parked *p, const struct wq_caller *caller)
{
	return wq_keys_watch(p->fs->keys, p->construct.node->queue, p->construct.watch.key,
		p->construct.watch.watch_id, caller);
}

/* Asks the kernel for P's key. P's user pays for the time that a key under construction takes.
 */
static int ask(struct wq_parked *p)
{
	struct wqfs *fs = p->fs;
	struct wq_caller caller = wqfs_caller(p->req);
	uint64_t began = wq_budget_clock();
	int r = watch_for(p, &caller);

	/* who has closed a queue has its watches back */
	if (r == -EAGAIN && wq_closing_hurry(&fs->closing, caller.uid))
		r = watch_for(p, &caller);
	if (r == -EINPROGRESS)
		wq_shares_spend(&fs->asking, caller.uid, wq_budget_clock() - began + ASLEEP_NS);
	return r;
}

/* The first of those who wait for C whose user has time left. Those who have none go to the
 * end. */
static struct wq_parked *first_who_can_pay(struct wq_construction *c, uint64_t now)
{
	for (int i = 0; i < USERS_AT_ONCE; i++) {
		struct wq_parked *p = TAILQ_FIRST(&c->waiting);

		if (!p || wq_shares_left(&c->fs->asking, uid_of(p), now))
			return p;
		wqfs_line_up(p, &c->waiting);
	}
	return NULL;
}

/* It is C's turn: asks for one of those who wait. A constructed key stays at the front until
 * all of them have been served. */
static void take_turn(struct wq_construction *c, uint64_t now)
{
	struct wq_parked *p = first_who_can_pay(c, now);
	int r;

	if (TAILQ_EMPTY(&c->waiting)) {
		free_construction(c);
		return;
	}
	if (!p) {
		move_to(c, now + CONSTRUCT_FIRST_NS);
		return;
	}
	r = ask(p);
	if (!is_for_later(r)) {
		c->done = true;
		wqfs_complete(p, r);
		return;
	}
	c->done = false;
	if (c->wait_ns < CONSTRUCT_MAX_NS)
		c->wait_ns *= 2;
	move_to(c, wq_now_ns() + c->wait_ns);
}

static void plan(struct wqfs *fs)
{
	const struct wq_construction *first = TAILQ_FIRST(&fs->constructing);

	if (first && (!fs->construct.set || first->ask_ns < fs->construct.due_ns))
		wq_timer_set(fs->loop, &fs->construct, first->ask_ns);
}

/* Starts from the front after each turn: asking may post, which may end any request. */
static void on_timer(struct wq_timer *timer)
{
	struct wqfs *fs = wq_container_of(timer, struct wqfs, construct);
	uint64_t now = wq_now_ns(), until = now + WQ_SLICE_NS / 2;
	struct wq_construction *c;

	while (now < until && (c = TAILQ_FIRST(&fs->constructing)) && c->ask_ns <= now) {
		take_turn(c, now);
		now = wq_now_ns();
	}
	plan(fs);
}

/* P waits for its key: it has asked, or may not ask yet. */
static void wait_for_key(struct wq_parked *p)
{
	struct wqfs *fs = p->fs;
	int32_t key = p->construct.watch.key;
	struct wq_construction *c = find(fs, key);

	if (!c)
		c = new_construction(fs, key);
	if (!c) {
		wqfs_complete(p, -ENOMEM);
		return;
	}
	wqfs_line_up(p, &c->waiting);
	fs->construct.fire = on_timer;
	plan(fs);
	wqfs_may_interrupt(p);
}

/* Do others wait for KEY already, so that a newcomer need not ask for it? They may wait for a
 * source, for which the end of a watch need not wait. */
static bool is_awaited(const struct wqfs *fs, int32_t key)
{
	const struct wq_construction *c = find(fs, key);

	return c && !c->done && !TAILQ_EMPTY(&c->waiting);
}

static void watch(
	struct wq_parked *p, struct wq_node *node, const struct wqfs_watch_key *w, bool waits)
{
	int r = -EINPROGRESS;

	p->construct.node = node;
	p->construct.watch = *w;
	if ((w->watch_id < 0 || !is_awaited(p->fs, w->key)) &&
		wq_shares_left(&p->fs->asking, uid_of(p), wq_now_ns()))
		r = ask(p);
	if (!is_for_later(r))
		wqfs_complete(p, r);
	else if (waits)
		wait_for_key(p);
	else
		wqfs_complete(p, -EINPROGRESS);
}

void wqfs_watch_key(
	fuse_req_t req, struct wq_handle *h, const struct wqfs_watch_key *w, bool waits)
{
	struct wq_parked *p = wqfs_park(req, WQ_WAIT_CONSTRUCT, h);

	if (p)
		watch(p, h->node, w, waits);
	else
		fuse_reply_err(req, ENOMEM);
}

/* The kernel keeps the inode, and so NODE, until the request is answered. */
void wqfs_watch_by_attr(fuse_req_t req, struct wq_node *node, const struct wqfs_watch_key *w)
{
	struct wq_parked *p = wqfs_park(req, WQ_WAIT_CONSTRUCT, NULL);

	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->construct.by_attr = true;
	watch(p, node, w, true);
}

void wqfs_ask_again(struct wqfs *fs)
{
	struct wq_construction *c;
	uint64_t now = wq_now_ns();

	if (fs->stopping)
		return;
	TAILQ_FOREACH (c, &fs->constructing, node) {
		c->ask_ns = now;
		c->wait_ns = CONSTRUCT_FIRST_NS;
	}
	plan(fs);
}

void wqfs_stop_asking(struct wqfs *fs)
{
	wq_timer_clear(fs->loop, &fs->construct);
}

void wqfs_forget_constructions(struct wqfs *fs)
{
	struct wq_construction *c;

	wqfs_stop_asking(fs);
	while ((c = TAILQ_FIRST(&fs->constructing)))
		free_construction(c);
}
