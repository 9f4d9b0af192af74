/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/record_view.h"
#include "record/render.h"
#include "record/slot.h"

/* In this order it has no gaps. */
struct wq_shared_record {
	struct timespec when;
	struct wq_cred who;
	uint32_t holders;
	uint8_t len;
	uint8_t data[]; /* the bytes of a record that a slot is too short for */
};

/* Copies the LEN bytes of a record. Most have 16, and to copy a constant number is fast. */
static inline void copy_bytes(void *to, const void *from, size_t len)
{
	if (len == WQ_SLOT_BYTES)
		memcpy(to, from, WQ_SLOT_BYTES);
	else
		memcpy(to, from, len);
}

static bool is_long(size_t len)
{
	return len > WQ_SLOT_BYTES;
}

static unsigned int id_of(uint32_t info)
{
	return (info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT;
}

unsigned int wq_slot_id(const struct wq_slot *s)
{
	return id_of(s->head.n.info);
}

/* ---- what is shared ---- */

bool wq_slot_make_again(struct wq_slot *s, const struct wq_record *record)
{
	const size_t len = record->len;
	struct wq_shared_record *shared;

	assert(len >= WQFS_RECORD_MIN && len <= WQFS_RECORD_MAX);
	s->loss = 0;
	copy_bytes(s->head.bytes, record->data, is_long(len) ? WQ_SLOT_BYTES : len);
	shared = s->shared = malloc(
		is_long(len) ? offsetof(struct wq_shared_record, data) + len : sizeof(*shared));
	if (!shared)
		return false;
	shared->when = record->when;
	shared->who = record->who;
	shared->holders = 1;
	shared->len = record->len;
	if (is_long(len))
		memcpy(shared->data, record->data, len);
	return true;
}

bool wq_slot_make(
	struct wq_slot *s, const struct watch_notification *n, const struct wq_cred *who)
{
	struct wq_record record;

	record.len = n->info & WATCH_INFO_LENGTH;
	copy_bytes(record.data, n, record.len);
	record.who = who ? *who : (struct wq_cred){0};
	clock_gettime(CLOCK_REALTIME, &record.when);
	return wq_slot_make_again(s, &record);
}

void wq_slot_hold(const struct wq_slot *s)
{
	s->shared->holders++;
}

void wq_slot_drop(struct wq_slot *s)
{
	if (s->shared && --s->shared->holders == 0)
		free(s->shared);
	s->shared = NULL;
}

struct timespec wq_slot_when(const struct wq_slot *s)
{
	return s->shared->when;
}

/* ---- the whole ---- */

void wq_slot_record(const struct wq_slot *s, struct wq_record *record)
{
	const struct wq_shared_record *shared = s->shared;

	record->when = shared->when;
	record->who = shared->who;
	record->len = shared->len;
	if (is_long(shared->len))
		memcpy(record->data, shared->data, shared->len);
	/* the first bytes have the watch id */
	copy_bytes(record->data, s->head.bytes,
		is_long(shared->len) ? WQ_SLOT_BYTES : shared->len);
}

/* Copies what a line in FORMAT says of the record of S. Who was it, and when, text does not
 * say: so that what is shared, which is elsewhere in memory, need not be read. */
static void line_of(const struct wq_slot *s, enum wqfs_format format, struct wq_record *record)
{
	if (format != WQFS_FORMAT_TEXT || !wq_slot_is_usual(s)) {
		wq_slot_record(s, record);
		return;
	}
	record->len = WQ_SLOT_BYTES;
	memcpy(record->data, s->head.bytes, WQ_SLOT_BYTES);
}

void wq_slot_set_id(struct wq_slot *s, uint32_t info)
{
	uint32_t *own = &s->head.n.info;

	*own = (*own & ~(uint32_t)WATCH_INFO_ID) | (info & WATCH_INFO_ID);
}

size_t wq_slot_size(const struct wq_slot *s, enum wqfs_format format)
{
	struct wq_record record;

	if (format == WQFS_FORMAT_RAW)
		return s->head.n.info & WATCH_INFO_LENGTH;
	line_of(s, format, &record);
	return wq_record_size(&record, format);
}

ssize_t wq_slot_render(const struct wq_slot *s, enum wqfs_format format, char *buf, size_t size)
{
	const size_t len = s->head.n.info & WATCH_INFO_LENGTH;
	struct wq_record record;

	if (format == WQFS_FORMAT_RAW && !is_long(len)) {
		if (len > size)
			return -ENOBUFS;
		copy_bytes(buf, s->head.bytes, len);
		return (ssize_t)len;
	}
	line_of(s, format, &record);
	return wq_record_render(&record, format, buf, size);
}
