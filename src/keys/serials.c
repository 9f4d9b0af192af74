/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <string.h>

#include "keys/serials.h"

/* The place of SERIAL of BY in TABLE, or the free place for it. */
static unsigned int place_of(const struct wq_serial *table, int32_t serial, uint32_t by)
{
	uint32_t mixed = ((uint32_t)serial ^ by * 0x85ebca6bu) * 0x9e3779b1u;
	unsigned int i = (mixed >> 16) % WQ_SERIALS_ROOM;

	while (table[i].serial && (table[i].serial != serial || table[i].by != by))
		i = (i + 1) % WQ_SERIALS_ROOM;
	return i;
}

void wq_serials_note(struct wq_serials *s, int32_t serial, uint32_t by, uint64_t since_ns)
{
	struct wq_serial *at = &s->recent[place_of(s->recent, serial, by)];
	const struct wq_serial *old = &s->older[place_of(s->older, serial, by)];

	if (old->serial && old->since_ns < since_ns)
		since_ns = old->since_ns;
	if (at->serial) {
		if (since_ns < at->since_ns)
			at->since_ns = since_ns;
		return;
	}
	assert(s->nrecent <= WQ_SERIALS); /* so that a search ends */
	if (s->nrecent == WQ_SERIALS) {
		memcpy(s->older, s->recent, sizeof(s->older));
		memset(s->recent, 0, sizeof(s->recent));
		s->nrecent = 0;
		at = &s->recent[place_of(s->recent, serial, by)];
	}
	*at = (struct wq_serial){serial, by, since_ns};
	s->nrecent++;
}

bool wq_serials_known(const struct wq_serials *s, int32_t serial, uint32_t by, uint64_t at_ns)
{
	const struct wq_serial *recent = &s->recent[place_of(s->recent, serial, by)];
	const struct wq_serial *older = &s->older[place_of(s->older, serial, by)];

	return (recent->serial && recent->since_ns <= at_ns) ||
	       (older->serial && older->since_ns <= at_ns);
}

void wq_serials_forget(struct wq_serials *s)
{
	memset(s, 0, sizeof(*s));
}
