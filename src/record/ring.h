/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ring of a queue: records in their order, and where some were lost between them. It knows
 * no watches, no filters and nobody who waits; queue.c decides what enters.
 */
#ifndef WQ_RING_H
#define WQ_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record/record.h"

/* A loss that waits to be told. One from a source must wake readers by itself; one
 * from a full ring stands behind records, and poll() ignores it, as the kernel's. */
enum wq_loss { WQ_LOSS_NONE, WQ_LOSS_FULL, WQ_LOSS_SOURCE };

#define WQ_FORMATS (WQFS_FORMAT_JSON + 1)

struct wq_slot {
	struct wq_record record;
	uint8_t loss;		   /* enum wq_loss: what was lost right after this record */
	uint16_t size[WQ_FORMATS]; /* of the record in each format */
};

/* By value in its queue. All zero: it holds nothing. Others read SIZE, LOSS and BYTES only. */
struct wq_ring {
	/* head and tail run free; there is a power of two of slots, of which size may be in
	 * use. */
	struct wq_slot *slots;
	uint32_t mask;
	uint32_t head, tail;
	uint32_t size;
	enum wq_loss loss; /* stands before the record at tail */

	/* When a reader last made room in a full ring; is it noted that records were lost
	 * before that? */
	uint64_t full_until_ns;
	bool full_lost;

	size_t bytes[WQ_FORMATS]; /* that are queued, in each format */
};

/* How far a read came: what wq_ring_consume() is to take away. */
struct wq_take {
	uint32_t records;
	uint32_t losses;
	int pending; /* enum wq_loss: what is left for the next read */
	/* Also: CLOCK_MONOTONIC of the peek. The reader may go on as soon as it has what was
	 * rendered, and do something before it is consumed. */
	uint64_t at_ns;
};

void wq_ring_fini(struct wq_ring *ring);

/* How many records are queued. */
uint32_t wq_ring_queued(const struct wq_ring *ring);

/* Gives RING room for SIZE records, keeping those that are queued; 0: none (if none is queued).
 * 0, or -EBUSY: more is queued; -ENOMEM. */
int wq_ring_resize(struct wq_ring *ring, uint32_t size);

/* Queues N, which WHO (or NULL) did at AT_NS (CLOCK_MONOTONIC), WHEN being now. False: there is
 * no room, or there was none at AT_NS though a reader has made some since: the loss is noted
 * where it was. */
bool wq_ring_put(struct wq_ring *ring, const struct watch_notification *n,
	const struct wq_cred *who, uint64_t at_ns, const struct timespec *when);

/* A loss after what was queued last. */
void wq_ring_note_loss(struct wq_ring *ring, enum wq_loss why);

/* wq_queue_peek(), or of the first record or LOSS alone. */
ssize_t wq_ring_peek(const struct wq_ring *ring, enum wqfs_format format, void *buf,
	size_t size, bool first_only, struct wq_take *take);

/* The record that is first; one must be queued. */
const struct wq_record *wq_ring_first(const struct wq_ring *ring);

/* Queues RECORD before all others. False: there is no room, and a LOSS stands in its place, as
 * for NULL. */
bool wq_ring_put_back(struct wq_ring *ring, const struct wq_record *record);

/* Takes away what wq_ring_peek() said. */
void wq_ring_consume(struct wq_ring *ring, const struct wq_take *take);

#endif
