/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/render.h"
#include "record/ring.h"

/* The slots that stay when the last record is read: for the next one, and more if the queue is
 * read to its end often. */
#define ROOM_LEAST 2
#define ROOM_BUSY  32
#define BUSY_NS	   1000000000u

static const struct wq_record loss_record = {
	.len = sizeof(struct watch_notification),
	/* type META, subtype LOSS in the top byte of the first word, length in
	 * the second word */
	.data =
		{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			[3] = WATCH_META_LOSS_NOTIFICATION,
			[4] = sizeof(struct watch_notification),
#else
			[3] = WATCH_META_LOSS_NOTIFICATION,
			[7] = sizeof(struct watch_notification),
#endif
		},
};

uint32_t wq_ring_queued(const struct wq_ring *r)
{
	return r->head - r->tail;
}

static struct wq_slot *slot_at(const struct wq_ring *r, uint32_t i)
{
	assert(r->slots);
	return &r->slots[i & (r->room - 1)];
}

/* ---- readers that keep up ---- */

/* A reader that comes back as soon as this has waited all the time, if there is a flood. */
#define FLOOD_GAP_NS (20 * WQ_NSEC_PER_MSEC)
/* How many times its size the ring may hold then. */
#define FLOOD_SIZES 16

/* Has so much come while a reader waited that whoever did it does not wait for the reader? */
static bool is_flood(const struct wq_ring *r)
{
	return r->awaited >= r->size;
}

void wq_ring_await(struct wq_ring *r, uint64_t since_ns)
{
	if (since_ns && r->awaited_until_ns != UINT64_MAX) {
		if (since_ns > r->awaited_until_ns + FLOOD_GAP_NS)
			r->awaited = 0;
		r->awaited_ns = since_ns;
	}
	r->awaited_until_ns = since_ns ? UINT64_MAX : wq_now_ns();
}

/* Did a reader wait at AT_NS? */
static bool was_awaited(const struct wq_ring *r, uint64_t at_ns)
{
	return at_ns >= r->awaited_ns && at_ns <= r->awaited_until_ns;
}

/* May more be held of what was done at AT_NS: in a flood, before its reader has been away for
 * long? */
static bool may_exceed(const struct wq_ring *r, uint64_t at_ns)
{
	return is_flood(r) &&
	       (at_ns <= r->awaited_until_ns || at_ns - r->awaited_until_ns <= FLOOD_GAP_NS);
}

/* The slots that the ring has when it is full. */
static uint32_t room_for_size(const struct wq_ring *r)
{
	uint32_t room = ROOM_LEAST;

	while (room < r->size)
		room *= 2;
	return room;
}

/* The slots above those. */
static uint32_t above_size(const struct wq_ring *r)
{
	uint32_t room = room_for_size(r);

	return r->room > room ? r->room - room : 0;
}

/* The ring has got other slots, or another size; before that WAS slots were above its size. */
static void count_surplus(struct wq_ring *r, uint32_t was)
{
	if (r->surplus)
		r->surplus->slots += above_size(r) - was;
}

/* May the ring take one record more than its size, for which it may need twice its slots? */
static bool has_surplus(const struct wq_ring *r)
{
	uint32_t queued = wq_ring_queued(r);

	return r->surplus && queued < FLOOD_SIZES * r->size &&
	       (queued < r->room || r->surplus->slots + r->room <= WQ_SURPLUS_MAX);
}

static void free_slots(struct wq_ring *r)
{
	const uint32_t above = above_size(r);

	free(r->slots);
	r->slots = NULL;
	r->room = 0;
	count_surplus(r, above);
}

/* ---- sizes and memory ---- */

int wq_ring_resize(struct wq_ring *r, uint32_t size)
{
	uint32_t above;

	if (wq_ring_queued(r) > size)
		return -EBUSY;
	above = above_size(r);
	r->size = size;
	count_surplus(r, above);
	return 0;
}

/* Moves the queued records into ROOM slots. False: no memory. */
static bool move(struct wq_ring *r, uint32_t room)
{
	const uint32_t n = wq_ring_queued(r), above = above_size(r);
	struct wq_slot *to = malloc((size_t)room * sizeof(*to));

	if (!to)
		return false;
	for (uint32_t i = 0; i < n; i++)
		to[i] = *slot_at(r, r->tail + i);
	free(r->slots);
	r->slots = to;
	r->room = room;
	r->tail = 0;
	r->head = n;
	count_surplus(r, above);
	return true;
}

/* Makes sure that there is a slot for one more record. False: no memory. */
static bool make_room(struct wq_ring *r)
{
	if (wq_ring_queued(r) < r->room)
		return true;
	return move(r, r->room ? r->room * 2 : ROOM_LEAST);
}

/* Nothing is queued any more since NOW_NS. True: memory was given back. */
static bool give_room_back(struct wq_ring *r, uint64_t now_ns)
{
	bool is_busy = now_ns - r->empty_ns < BUSY_NS;

	r->empty_ns = now_ns;
	if (r->room <= (is_busy ? ROOM_BUSY : ROOM_LEAST))
		return false;
	free_slots(r);
	return true;
}

/* A flood is over as soon as no more is queued than the ring may hold: what it needed goes
 * back. A failure, for want of memory, costs nothing but that. */
static void give_surplus_back(struct wq_ring *r)
{
	if (above_size(r) && wq_ring_queued(r) <= r->size)
		(void)move(r, room_for_size(r));
}

/* ---- losses ---- */

void wq_ring_note_loss(struct wq_ring *r, enum wq_loss why)
{
	uint8_t *loss;

	if (!wq_ring_queued(r)) {
		r->loss = why;
		return;
	}
	loss = &slot_at(r, r->head - 1)->loss;
	if (*loss < why)
		*loss = why;
}

static void measure(struct wq_ring *r, struct wq_slot *s, enum wqfs_format format)
{
	s->size[format] = (uint16_t)wq_slot_size(s, format);
	r->bytes[format] += s->size[format];
	r->measured[format]++;
}

/* The first record, which is at S, leaves. */
static void count_out(struct wq_ring *r, const struct wq_slot *s)
{
	for (int f = 0; f < WQ_FORMATS; f++) {
		if (!r->measured[f])
			continue;
		assert(r->bytes[f] >= s->size[f]);
		r->bytes[f] -= s->size[f];
		r->measured[f]--;
	}
}

size_t wq_ring_bytes(struct wq_ring *r, enum wqfs_format format)
{
	while (r->measured[format] < wq_ring_queued(r))
		measure(r, slot_at(r, r->tail + r->measured[format]), format);
	return r->bytes[format];
}

/* ---- the end ---- */

void wq_ring_close(struct wq_ring *r)
{
	if (r->surplus)
		r->surplus->slots -= above_size(r);
	r->surplus = NULL;
}

bool wq_ring_drop(struct wq_ring *r, uint32_t n)
{
	for (; n && wq_ring_queued(r); n--) {
		count_out(r, slot_at(r, r->tail));
		wq_slot_drop(slot_at(r, r->tail++));
	}
	return !wq_ring_queued(r);
}

void wq_ring_fini(struct wq_ring *r)
{
	(void)wq_ring_drop(r, UINT32_MAX);
	free_slots(r);
	*r = (struct wq_ring){0};
}

/* ---- what enters, and when it is too much ---- */

/* We learn of a change some time after it. Was the queue full at the time of the change, though
 * a reader has made room since? */
static bool was_full(const struct wq_ring *r, uint64_t at_ns)
{
	return at_ns < r->full_until_ns;
}

/* Notes one loss after the record that was last then, wherever that record is by now. */
static void lose_late(struct wq_ring *r)
{
	if (!r->full_lost)
		wq_ring_note_loss(r, WQ_LOSS_FULL);
	r->full_lost = true;
}

bool wq_ring_put(struct wq_ring *r, const struct wq_slot *slot, uint64_t at_ns)
{
	struct wq_slot *s;
	bool exceeds;

	if (!r->size) /* a queue without a size drops records silently, as in the kernel */
		return false;
	exceeds = may_exceed(r, at_ns);
	if (!exceeds && was_full(r, at_ns)) {
		lose_late(r);
		return false;
	}
	if (wq_ring_queued(r) >= r->size && !(exceeds && has_surplus(r))) {
		wq_ring_note_loss(r, WQ_LOSS_FULL);
		return false;
	}
	if (!slot->shared || !make_room(r)) {
		wq_ring_note_loss(r, WQ_LOSS_SOURCE);
		return false;
	}
	s = slot_at(r, r->head);
	*s = *slot;
	wq_slot_hold(s);
	r->head++;
	measure(r, s, WQFS_FORMAT_RAW);
	r->awaited += !is_flood(r) && was_awaited(r, at_ns);
	return true;
}

const char *wq_ring_why_lost(const struct wq_ring *r, uint64_t at_ns)
{
	if (!r->size)
		return "the queue has no size yet";
	return wq_ring_queued(r) >= r->size || at_ns < r->full_until_ns ? "the queue was full"
									: "there is no memory";
}

bool wq_ring_put_back(struct wq_ring *r, const struct wq_record *record)
{
	struct wq_slot s;

	if (!record || wq_ring_queued(r) >= r->size || !make_room(r) ||
		!wq_slot_make_again(&s, record)) {
		r->loss = WQ_LOSS_SOURCE;
		return false;
	}
	s.loss = (uint8_t)r->loss; /* that loss stood before the record which is now second */
	r->loss = WQ_LOSS_NONE;
	*slot_at(r, --r->tail) = s;
	for (int f = 0; f < WQ_FORMATS; f++)
		if (f == WQFS_FORMAT_RAW || r->measured[f])
			measure(r, slot_at(r, r->tail), (enum wqfs_format)f);
	return true;
}

/* ---- what leaves ---- */

/* Copies raw records of the usual length from number FROM on to BUF of SIZE bytes, up to one
 * that a loss follows. Returns how many. */
static uint32_t copy_usual(const struct wq_ring *r, uint32_t from, char *buf, size_t size)
{
	const uint32_t mask = r->room - 1, n = r->head - from;
	const uint32_t most = size / WQ_SLOT_BYTES < n ? (uint32_t)(size / WQ_SLOT_BYTES) : n;

	for (uint32_t i = 0; i < most; i++) {
		const struct wq_slot *s = &r->slots[(from + i) & mask];

		if (!wq_slot_is_usual(s))
			return i;
		memcpy(buf + i * WQ_SLOT_BYTES, s->head.bytes, WQ_SLOT_BYTES);
		if (s->loss)
			return i + 1;
	}
	return most;
}

/* The kernel's pipe_read(), which leaves the changes of the pipe to wq_ring_consume(). */
ssize_t wq_ring_peek(const struct wq_ring *r, enum wqfs_format format, void *buf, size_t size,
	bool first_only, struct wq_take *take)
{
	uint32_t i = r->tail, records;
	size_t done = 0;
	ssize_t n = -EAGAIN;

	if (format != WQFS_FORMAT_RAW && size > WQ_RENDERED_AT_ONCE)
		size = WQ_RENDERED_AT_ONCE;
	*take = (struct wq_take){.pending = r->loss, .at_ns = wq_now_ns()};
	for (;;) {
		if (take->pending != WQ_LOSS_NONE) {
			n = wq_record_render(
				&loss_record, format, (char *)buf + done, size - done);
			if (n < 0)
				break;
			done += (size_t)n;
			take->losses++;
			take->pending = WQ_LOSS_NONE;
		}
		if (i == r->head || (first_only && take->losses))
			break;
		records = format == WQFS_FORMAT_RAW && !first_only
				  ? copy_usual(r, i, (char *)buf + done, size - done)
				  : 0;
		n = (ssize_t)(records * WQ_SLOT_BYTES);
		if (!records) {
			n = wq_slot_render(
				slot_at(r, i), format, (char *)buf + done, size - done);
			records = 1;
		}
		if (n < 0)
			break;
		done += (size_t)n;
		i += records;
		take->pending = slot_at(r, i - 1)->loss;
		take->records += records;
		if (i == r->head || done == size || first_only)
			break;
	}
	return done ? (ssize_t)done : n;
}

void wq_ring_first(const struct wq_ring *r, struct wq_record *record)
{
	assert(wq_ring_queued(r));
	wq_slot_record(slot_at(r, r->tail), record);
}

bool wq_ring_consume(struct wq_ring *r, const struct wq_take *take)
{
	assert(take->records <= wq_ring_queued(r));
	if (take->records && wq_ring_queued(r) >= r->size) {
		r->full_until_ns = take->at_ns;
		r->full_lost = slot_at(r, r->head - 1)->loss != WQ_LOSS_NONE;
	}
	for (uint32_t i = 0; i < take->records; i++) {
		count_out(r, slot_at(r, r->tail + i));
		wq_slot_drop(slot_at(r, r->tail + i));
	}
	r->tail += take->records;
	r->loss = (enum wq_loss)take->pending;
	if (wq_ring_queued(r))
		give_surplus_back(r);
	/* A loss since the peek was noted at the last record, which has now been consumed. */
	if (!take->records || wq_ring_queued(r))
		return false;
	r->loss = (enum wq_loss)slot_at(r, r->tail - 1)->loss;
	return give_room_back(r, take->at_ns);
}
