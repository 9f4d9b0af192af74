/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ring of a queue: records in order, and where some were lost between them. The ring does
 * not know watches, filters or readers that wait; queue.c decides what enters.
 */
#ifndef WQ_RING_H
#define WQ_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record/slot.h"

/* A loss that has not been read yet. A loss of a source wakes readers by itself. A loss of a
 * full ring follows records; poll() ignores it, as the kernel's does. */
enum wq_loss { WQ_LOSS_NONE, WQ_LOSS_FULL, WQ_LOSS_SOURCE };

/* The most bytes of text or JSON that one reader is given: they take time to make. */
#define WQ_RENDERED_AT_ONCE 32768
#define WQ_SURPLUS_MAX	    65536 /* slots: 6 MB with their records */

/* By value in the owner of several rings. */
struct wq_surplus {
	uint32_t slots; /* those that these rings have above what their sizes need */
};

/* By value in its queue. All zero: it is empty. Other files read only SIZE and LOSS. */
struct wq_ring {
	/* head and tail run freely. There are ROOM slots, a power of two or none: as many as
	 * the queued records need, which are SIZE at most. */
	struct wq_slot *slots;
	uint32_t room;
	uint32_t head, tail;
	uint32_t size;
	enum wq_loss loss; /* the loss before the record at tail */

	/* When a reader last made room in a full ring, and whether the loss of records before
	 * that is noted. */
	bool full_lost;
	uint64_t full_until_ns;
	uint64_t empty_ns; /* when the last record was read */

	struct wq_surplus *surplus; /* or NULL: it never holds more than its size; not owned */

	/* In each format the first MEASURED records have BYTES: of lines only what was asked
	 * for. */
	size_t bytes[WQ_FORMATS];
	uint32_t measured[WQ_FORMATS];

	/* How much has come of what was done while a reader waited, and when that was:
	 * wq_ring_await(). */
	uint32_t awaited;
	uint64_t awaited_ns, awaited_until_ns;
};

/* How far a read got: what wq_ring_consume() takes away. */
struct wq_take {
	uint32_t records;
	uint32_t losses;
	int pending; /* enum wq_loss: the loss that is left for the next read */
	/* CLOCK_MONOTONIC of the peek. The reader may continue as soon as it has the bytes, and
	 * act before they are consumed here. */
	uint64_t at_ns;
};

/* Nobody will use RING any more: what it has above its size counts no longer. */
void wq_ring_close(struct wq_ring *ring);

/* Drops the first N records, or all if they are fewer; nobody will read what is left. True:
 * none is. */
bool wq_ring_drop(struct wq_ring *ring, uint32_t n);

/* Drops all records. */
void wq_ring_fini(struct wq_ring *ring);

/* The number of queued records. */
uint32_t wq_ring_queued(const struct wq_ring *ring);

/* The bytes of all queued records in FORMAT. A record's line is measured when this is first
 * asked after it was queued. */
size_t wq_ring_bytes(struct wq_ring *ring, enum wqfs_format format);

/* Up to SIZE records may be queued from now on; those that are queued stay. They get memory
 * when they come, and it is given back when none is left. 0; -EBUSY: more records are queued.
 */
int wq_ring_resize(struct wq_ring *ring, uint32_t size);

/* A reader has been waiting since SINCE_NS (CLOCK_MONOTONIC); 0: it waits no longer. It would
 * take in time what is done meanwhile, but here that comes late and all together. So if that is
 * more than the ring's size, and the reader comes back at once each time, the ring may hold
 * more than its size of it, up to WQ_SURPLUS_MAX with all that share the surplus. */
void wq_ring_await(struct wq_ring *ring, uint64_t since_ns);

/* Queues a copy of SLOT, which shares its record; what happened at AT_NS (CLOCK_MONOTONIC).
 * False: there is no room, or there was none at AT_NS though a reader has made room since, or
 * no memory. The loss is then noted at its place. */
bool wq_ring_put(struct wq_ring *ring, const struct wq_slot *slot, uint64_t at_ns);

/* Why wq_ring_put() has just returned false, for the log. */
const char *wq_ring_why_lost(const struct wq_ring *ring, uint64_t at_ns);

/* Notes a loss after the last queued record. */
void wq_ring_note_loss(struct wq_ring *ring, enum wq_loss why);

/* Does what wq_queue_peek() does; if FIRST_ONLY, for the first record or LOSS only. */
ssize_t wq_ring_peek(const struct wq_ring *ring, enum wqfs_format format, void *buf,
	size_t size, bool first_only, struct wq_take *take);

/* Copies the first record to RECORD. One must be queued. */
void wq_ring_first(const struct wq_ring *ring, struct wq_record *record);

/* Queues RECORD before all others. False: there was no room or no memory, or RECORD is
 * NULL, and a LOSS stands in its place. */
bool wq_ring_put_back(struct wq_ring *ring, const struct wq_record *record);

/* Takes away what wq_ring_peek() returned. True: memory was given back. */
bool wq_ring_consume(struct wq_ring *ring, const struct wq_take *take);

#endif
