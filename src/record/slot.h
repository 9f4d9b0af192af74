/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The place of one record in one queue. What all queues that have the record share is stored
 * once. A slot has the watch id, which is each queue's own, and the first bytes, which are all
 * of a key's record, so that raw reads touch nothing else.
 */
#ifndef WQ_SLOT_H
#define WQ_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"

#define WQ_FORMATS (WQFS_FORMAT_JSON + 1)

/* As long as the records of keys. */
#define WQ_SLOT_BYTES sizeof(struct key_notification)

struct wq_shared_record;

/* A copy of a slot holds nothing of its own: see wq_slot_hold(). */
struct wq_slot {
	union {
		struct watch_notification n;
		uint8_t bytes[WQ_SLOT_BYTES];
	} head;				 /* the first bytes of the record */
	struct wq_shared_record *shared; /* NULL: there was no memory for it */
	uint16_t size[WQ_FORMATS]; /* the length in each format that the ring has measured */
	uint8_t loss;		   /* enum wq_loss: the loss that follows this record */
};

/* Makes S of N, which WHO (or NULL) caused, now. False: no memory; a ring that is to queue S
 * notes a loss instead. wq_slot_drop() ends it. */
bool wq_slot_make(
	struct wq_slot *s, const struct watch_notification *n, const struct wq_cred *who);

/* Makes S of RECORD. False: no memory. */
bool wq_slot_make_again(struct wq_slot *s, const struct wq_record *record);

/* S is a copy, which somebody keeps besides. */
void wq_slot_hold(const struct wq_slot *s);

/* S is kept no longer. It may have been dropped before. */
void wq_slot_drop(struct wq_slot *s);

/* When the record of S was made. S has a shared record. */
struct timespec wq_slot_when(const struct wq_slot *s);

/* The watch id of the record of S. */
unsigned int wq_slot_id(const struct wq_slot *s);

/* The record of S gets the watch id of INFO. */
void wq_slot_set_id(struct wq_slot *s, uint32_t info);

/* Are the first bytes all of the record, and no fewer? */
static inline bool wq_slot_is_usual(const struct wq_slot *s)
{
	return (s->head.n.info & WATCH_INFO_LENGTH) == WQ_SLOT_BYTES;
}

/* The length of the record of S in FORMAT. That of a line takes as long as to make the line. */
size_t wq_slot_size(const struct wq_slot *s, enum wqfs_format format);

/* Copies the record of S to RECORD. */
void wq_slot_record(const struct wq_slot *s, struct wq_record *record);

/* Does what wq_record_render() does with the record of S. */
ssize_t wq_slot_render(
	const struct wq_slot *s, enum wqfs_format format, char *buf, size_t size);

#endif
