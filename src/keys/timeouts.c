/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "keys/timeouts.h"

#define KEPT_S 60 /* a key that is no longer seen */
#define ROOM   64 /* timeouts, for a start */

static int by_serial(const void *a, const void *b)
{
	const struct wq_timeout *x = a, *y = b;

	return (x->serial > y->serial) - (x->serial < y->serial);
}

static struct wq_timeout *find(const struct wq_timeouts_list *l, int32_t serial)
{
	const struct wq_timeout key = {.serial = serial};

	return l->n ? bsearch(&key, l->all, l->n, sizeof(key), by_serial) : NULL;
}

static void append(struct wq_timeouts_list *l, struct wq_timeout timeout)
{
	size_t room = l->room ? 2 * l->room : ROOM;
	struct wq_timeout *all = l->all;

	if (l->n == l->room) {
		all = reallocarray(all, room, sizeof(*all));
		if (!all)
			return;
		l->all = all;
		l->room = room;
	}
	all[l->n++] = timeout;
}

void wq_timeouts_fini(struct wq_timeouts *t)
{
	free(t->known.all);
	free(t->pass.all);
	*t = (struct wq_timeouts){0};
}

void wq_timeouts_begin(struct wq_timeouts *t)
{
	t->pass.n = 0;
	t->at = 0;
}

static bool is_kept(const struct wq_timeout *timeout, time_t now)
{
	return now >= timeout->seen && now - timeout->seen <= KEPT_S;
}

/* Adds to the pass those known keys before SERIAL that it has not seen. */
static void keep_unseen(struct wq_timeouts *t, int32_t serial, time_t now)
{
	for (; t->at < t->known.n && t->known.all[t->at].serial < serial; t->at++)
		if (is_kept(&t->known.all[t->at], now))
			append(&t->pass, t->known.all[t->at]);
}

void wq_timeouts_line(struct wq_timeouts *t, int32_t serial, time_t due, time_t now)
{
	const struct wq_timeout *old = NULL;

	keep_unseen(t, serial, now);
	if (t->at < t->known.n && t->known.all[t->at].serial == serial)
		old = &t->known.all[t->at++];
	if (due == WQ_TIMEOUT_PASSED && old)
		due = old->due;
	if (due)
		append(&t->pass, (struct wq_timeout){serial, due, now});
}

void wq_timeouts_end(struct wq_timeouts *t, time_t now)
{
	const struct wq_timeouts_list old = t->known;

	keep_unseen(t, INT32_MAX, now);
	t->known = t->pass;
	t->pass = old;
	wq_timeouts_begin(t);
}

bool wq_timeouts_is_due(const struct wq_timeouts *t, int32_t serial, time_t now)
{
	const struct wq_timeout *timeout = find(&t->known, serial);

	return timeout && timeout->due <= now;
}
