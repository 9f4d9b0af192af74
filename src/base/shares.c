/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "base/clock.h"
#include "base/shares.h"

#define PLACES 8 /* in how many places a user's share may be */

static struct wq_share *place(struct wq_shares *shares, uid_t uid, unsigned int i)
{
	return &shares->share[(uid * 2654435761u + i) % WQ_SHARES];
}

static struct wq_budget *find(struct wq_shares *shares, uid_t uid)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct wq_share *s = place(shares, uid, i);

		if (s->used && s->uid == uid)
			return &s->budget;
	}
	return NULL;
}

/* Takes a place that is free, or whose user's window has ended: that user has a full share
 * again. */
static struct wq_budget *begin(struct wq_shares *shares, uid_t uid, uint64_t now_ns)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct wq_share *s = place(shares, uid, i);

		if (s->used && now_ns - s->budget.window_ns <= WQ_BUDGET_WINDOW_NS)
			continue;
		*s = (struct wq_share){true, uid, {.window_ns = now_ns}};
		return &s->budget;
	}
	return NULL;
}

bool wq_shares_left(struct wq_shares *shares, uid_t uid, uint64_t now_ns)
{
	struct wq_budget *b = find(shares, uid);

	/* begins a new window if the last one has ended */
	if (!wq_budget_left(&shares->all, now_ns) && shares->all.used_ns >= WQ_SHARES_ALL_NS)
		return false;
	if (!b)
		b = begin(shares, uid, now_ns);
	return wq_budget_left(b ? b : &shares->others, now_ns);
}

void wq_shares_spend(struct wq_shares *shares, uid_t uid, uint64_t ns)
{
	struct wq_budget *b = find(shares, uid);

	wq_budget_spend(b ? b : &shares->others, ns);
	wq_budget_spend(&shares->all, ns);
}

bool wq_work_begin(struct wq_work *work, struct wq_shares *shares, uid_t uid)
{
	*work = (struct wq_work){.shares = shares, .uid = uid};
	if (!wq_shares_left(shares, uid, wq_now_ns()))
		return false;
	work->began_ns = wq_budget_clock();
	return true;
}

void wq_work_end(const struct wq_work *work)
{
	wq_shares_spend(work->shares, work->uid, wq_budget_clock() - work->began_ns);
}
