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
	free(t->spare.all);
	*t = (struct wq_timeouts){0};
}

void wq_timeouts_begin(struct wq_timeouts *t, time_t now)
{
	t->pass.n = 0;
	t->pass_from = now;
}

void wq_timeouts_line(
	struct wq_timeouts *t, int32_t serial, time_t due, bool expired, uint64_t now_ns)
{
	append(&t->pass,
		(struct wq_timeout){
			.serial = serial, .due = due, .expired = expired, .seen_ns = now_ns});
}

/* ---- the end of a pass ---- */

/* The kernel's lines come by serial; only forged ones do not. */
static void sort(struct wq_timeouts_list *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (l->all[i - 1].serial > l->all[i].serial) {
			qsort(l->all, l->n, sizeof(*l->all), by_serial);
			return;
		}
}

/* The serials that have two lines get none. */
static void drop_forged(struct wq_timeouts_list *l)
{
	size_t n = 0;

	for (size_t i = 0, end; i < l->n; i = end) {
		for (end = i + 1; end < l->n && l->all[end].serial == l->all[i].serial; end++)
			;
		if (end == i + 1)
			l->all[n++] = l->all[i];
	}
	l->n = n;
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

static bool is_kept(const struct wq_timeout *timeout, uint64_t now_ns)
{
	return !timeout->unseen || now_ns - timeout->seen_ns <= KEPT_NS;
}

/* Adds to TO what was known of OLD, which the pass has not seen. */
static void keep_unseen(struct wq_timeouts_list *to, struct wq_timeout old, uint64_t now_ns)
{
	if (!is_kept(&old, now_ns))
		return;
	old.unseen = true;
	append(to, old);
}

void wq_timeouts_end(struct wq_timeouts *t, uint64_t now_ns)
{
	const struct wq_timeouts_list old = t->known;
	struct wq_timeouts_list new = t->spare;
	size_t at = 0;

	new.n = 0;
	sort(&t->pass);
	drop_forged(&t->pass);
	for (size_t i = 0; i < t->pass.n; i++) {
		struct wq_timeout line = t->pass.all[i];
		const struct wq_timeout *before = NULL;

		while (at < old.n && old.all[at].serial < line.serial)
			keep_unseen(&new, old.all[at++], now_ns);
		if (at < old.n && old.all[at].serial == line.serial)
			before = &old.all[at++];
		if (!line.due)
			continue;
		if (line.expired)
			line.due = due_of_expired(t, before, line.due);
		append(&new, line);
	}
	while (at < old.n)
		keep_unseen(&new, old.all[at++], now_ns);
	t->spare = old;
	t->known = new;
	t->known_from = t->pass_from;
}

bool wq_timeouts_is_due(const struct wq_timeouts *t, int32_t serial, time_t now)
{
	const struct wq_timeout *timeout = find(&t->known, serial);

	return timeout && timeout->due <= now;
}
