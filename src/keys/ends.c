/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "keys/ends.h"

static void put(struct wq_ends *ends, size_t place, struct wq_end *end)
{
	ends->heap[place - 1] = end;
	end->place = place;
}

static struct wq_end *at(const struct wq_ends *ends, size_t place)
{
	return ends->heap[place - 1];
}

/* Moves END up from PLACE until nothing above it is later. */
static size_t rise(struct wq_ends *ends, size_t place, const struct wq_end *end)
{
	for (; place > 1 && end->at < at(ends, place / 2)->at; place /= 2)
		put(ends, place, at(ends, place / 2));
	return place;
}

/* Moves END down from PLACE until nothing below it is earlier. */
static size_t sink(struct wq_ends *ends, size_t place, const struct wq_end *end)
{
	size_t below;

	while ((below = 2 * place) <= ends->n) {
		if (below < ends->n && at(ends, below + 1)->at < at(ends, below)->at)
			below++;
		if (at(ends, below)->at >= end->at)
			break;
		put(ends, place, at(ends, below));
		place = below;
	}
	return place;
}

static int reserve(struct wq_ends *ends, size_t n)
{
	struct wq_end **heap;

	if (n <= ends->cap)
		return 0;
	n *= 2;
	heap = reallocarray(ends->heap, n, sizeof(struct wq_end *));
	if (!heap)
		return -ENOMEM;
	ends->heap = heap;
	ends->cap = n;
	return 0;
}

int wq_ends_set(struct wq_ends *ends, struct wq_end *end, time_t when)
{
	size_t place = end->place;

	if (!place) {
		int r = reserve(ends, ends->n + 1);

		if (r < 0)
			return r;
		place = ++ends->n;
		ends->heap[place - 1] = end;
	}
	end->at = when;
	put(ends, sink(ends, rise(ends, place, end), end), end);
	return 0;
}

void wq_ends_remove(struct wq_ends *ends, struct wq_end *end)
{
	size_t place = end->place;
	struct wq_end *last;

	if (!place)
		return;
	assert(place <= ends->n && at(ends, place) == end);
	end->place = 0;
	last = at(ends, ends->n--);
	if (last != end)
		put(ends, sink(ends, rise(ends, place, last), last), last);
}

struct wq_end *wq_ends_first(const struct wq_ends *ends)
{
	return ends->n ? ends->heap[0] : NULL;
}

void wq_ends_fini(struct wq_ends *ends)
{
	while (ends->n)
		ends->heap[--ends->n]->place = 0;
	free(ends->heap);
	*ends = (struct wq_ends){0};
}
