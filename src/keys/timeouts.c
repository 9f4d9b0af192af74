/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/clock.h"
#include "keys/timeouts.h"

#define KEPT_NS (60 * WQ_NSEC_PER_SEC) /* a key that is no longer seen */
#define ROOM	64		       /* timeouts, for a start */

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

void wq_timeouts_begin(struct wq_timeouts *t, time_t now)
{
	t->pass.n = 0;
	t->at = 0;
	t->pass_from = now;
}

static bool is_kept(const struct wq_timeout *timeout, uint64_t now_ns)
{
	return !timeout->unseen || now_ns - timeout->seen_ns <= KEPT_NS;
}

/* Adds to the pass those known keys before SERIAL that it has not seen. */
static void keep_unseen(struct wq_timeouts *t, int32_t serial, uint64_t now_ns)
{
	for (; t->at < t->known.n && t->known.all[t->at].serial < serial; t->at++) {
		struct wq_timeout old = t->known.all[t->at];

		if (!is_kept(&old, now_ns))
			continue;
		old.unseen = true;
		append(&t->pass, old);
	}
}

/* When may the kernel collect a key that has expired, DUE if it has done so now? OLD is what
 * was known of it. */
static time_t due_of_expired(
	const struct wq_timeouts *t, const struct wq_timeout *old, time_t due)
{
	if (old && old->due <= due)
		return old->due;
	return t->known_from ? due - (t->pass_from - t->known_from) : 1;
}

void wq_timeouts_line(
	struct wq_timeouts *t, int32_t serial, time_t due, bool expired, uint64_t now_ns)
{
	const struct wq_timeout *old = NULL;

	keep_unseen(t, serial, now_ns);
	if (t->at < t->known.n && t->known.all[t->at].serial == serial)
		old = &t->known.all[t->at++];
	if (due)
		append(&t->pass, (struct wq_timeout){.serial = serial,
					 .due = expired ? due_of_expired(t, old, due) : due,
					 .seen_ns = now_ns});
}

void wq_timeouts_end(struct wq_timeouts *t, uint64_t now_ns)
{
	const struct wq_timeouts_list old = t->known;

	keep_unseen(t, INT32_MAX, now_ns);
	t->known = t->pass;
	t->pass = old;
	t->known_from = t->pass_from;
}

bool wq_timeouts_is_due(const struct wq_timeouts *t, int32_t serial, time_t now)
{
	const struct wq_timeout *timeout = find(&t->known, serial);

	return timeout && timeout->due <= now;
}
