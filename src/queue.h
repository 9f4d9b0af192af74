/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch queues, watches and watch lists: the ring, its losses, and which queue gets which
 * record. No FUSE, no keys, no waiting. Names and rules are those of the kernel's own API
 * (Documentation/core-api/watch_queue.rst). One thread, no locks.
 *
 * A producer has a watch list for each object (or one for all objects of a kind), adds watches
 * to it, and posts. A consumer holds a reference to a queue and takes records from it.
 */
#ifndef WQ_QUEUE_H
#define WQ_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "filter.h"
#include "queue/watches.h"
#include "record/record.h"
#include "record/ring.h"

/* ---- watch lists: the producer's side ---- */

/* The object ID is destroyed: posts REMOVAL to every queue that watches it, and empties the
 * list (the kernel's remove_watch_list()), until UNTIL_NS (CLOCK_MONOTONIC), and for some
 * watches at least. With ID 0 the REMOVAL has 8 bytes. False: some are left for another call.
 * True: none is left, and the list may have been freed with the last of them. */
bool wq_watch_list_remove_until(struct wq_watch_list *wlist, uint64_t id, uint64_t until_ns);

/* The same for all watches in one call. */
static inline void wq_watch_list_remove(struct wq_watch_list *wlist, uint64_t id)
{
	(void)wq_watch_list_remove_until(wlist, id, UINT64_MAX);
}

/* The kernel's add_watch_to_object(). 0; -EBUSY: the queue already watches this id on this
 * list; -ENOMEM. The time does not depend on how many others watch it. */
int wq_watch_add(struct wq_watch *watch, struct wq_watch_list *wlist);

/* Would wq_watch_add() say -EBUSY? */
bool wq_watch_exists(const struct wq_watch *watch, const struct wq_watch_list *wlist);

/* The kernel's remove_watch_from_object(): removes QUEUE's watch on ID, or with ALL every watch
 * of the list, and posts REMOVAL to each queue. 0, or -EBADSLT: there is no such watch. */
int wq_watch_remove(struct wq_watch_list *wlist, struct wq_queue *queue, uint64_t id, bool all);

/* Posts N to every queue that watches ID on WLIST. N may have any type; its length is in
 * n->info, WQFS_RECORD_MIN to WQFS_RECORD_MAX. The post puts the watch's id into info, then
 * asks the queue's filter and its may_post() hook. WHO made the change; NULL: unknown. AT_NS is
 * when (CLOCK_MONOTONIC; UINT64_MAX: now): watches that were added later get nothing, and a
 * queue that was full then notes a loss even if a reader has made room since. Never waits: a
 * full queue notes the loss. 0; -EINVAL: the length is not valid, and nothing is posted. */
int wq_post(struct wq_watch_list *wlist, const struct watch_notification *n,
	const struct wq_cred *who, uint64_t id, uint64_t at_ns);

/* A post that may take several turns of the loop: if thousands of queues watch one object,
 * others must be served meanwhile. What has begun is stepped to its end, or cancelled; a copy
 * takes the place of what it was copied from. A caller that begins a second one before the
 * first has ended steps them in the order of their numbers, so that each queue gets all in that
 * order. */
struct wq_posting {
	union {
		struct watch_notification n;
		unsigned char raw[WQFS_RECORD_MAX];
	} record;
	bool is_loss;	      /* it is no record: */
	uint64_t loss_number; /* of several postings that are one loss for a queue; 0: none */
	const struct wq_cred *who;
	struct wq_slot slot; /* what each queue gets, once the first one does */
	uint64_t id, at_ns;
	uint64_t number; /* 1 and up; 0: it is the only one */
	uint64_t newest; /* watches of the list that have a higher number get nothing */
	struct wq_watch_list *list;
	struct wq_watch *next; /* the next watch */
};

/* Begins P. The parameters and errors are those of wq_post(). WHO must stay valid until P ends;
 * until then the watches of WLIST, and so the list, are not released. */
int wq_posting_begin(struct wq_posting *p, struct wq_watch_list *wlist,
	const struct watch_notification *n, const struct wq_cred *who, uint64_t id,
	uint64_t at_ns);

/* Begins P, which notes a LOSS in every queue that watches ID on WLIST: the one LOSS_NUMBER, or
 * one of its own if that is 0. */
void wq_posting_begin_loss(
	struct wq_posting *p, struct wq_watch_list *wlist, uint64_t id, uint64_t loss_number);

/* Posts to some watches at least, then until UNTIL_NS; then releases, in the same way, those
 * that were removed meanwhile. True: P has ended. */
bool wq_posting_step(struct wq_posting *p, uint64_t until_ns);

/* Posts to QUEUE now, if QUEUE is still to get P. */
void wq_posting_to(struct wq_posting *p, struct wq_queue *queue);

/* Ends P: watches whose turn has not come get nothing. */
void wq_posting_cancel(struct wq_posting *p);

/* ---- queues: the consumer's side ---- */

/* Hooks that are called in the middle of a post. They may remove watches and drop references to
 * queues, also to this one; a watch that is removed before its turn gets nothing. They may not
 * post. */
struct wq_queue_ops {
	/* A record or a LOSS has become readable. The hook may take it at once. */
	void (*wake)(struct wq_queue *queue);
	/* May the record N, which WHO caused, enter? The kernel asks its LSMs here. NULL:
	 * always. WHO is NULL if unknown. A refused record is no loss. */
	bool (*may_post)(struct wq_queue *queue, const struct wq_watch *watch,
		const struct wq_cred *who, const struct watch_notification *n);
};

/* A new queue without a size, with one reference. OWNER is kept for the ops. What is at
 * MAX_SIZE, which may change, limits wq_queue_set_size() until wq_queue_close(); NULL: the
 * kernel's limit, WQFS_SIZE_MAX, does. NULL: no memory. */
struct wq_queue *wq_queue_new(
	const struct wq_queue_ops *ops, void *owner, const uint32_t *max_size);

/* Takes one more reference to QUEUE, and returns QUEUE. */
struct wq_queue *wq_queue_get(struct wq_queue *queue);

/* Drops a reference. The last one releases the queue's watches, without a record, and frees the
 * queue. QUEUE may be NULL. */
void wq_queue_put(struct wq_queue *queue);

/* Nobody reads QUEUE or waits for it any more, but the caller still has a reference to it. From
 * now on nothing enters it, and no hook is called for it. Its records and watches are still to
 * be released: thousands of them take more than one turn of the loop. */
void wq_queue_close(struct wq_queue *queue);

/* Releases records and watches of QUEUE, which is closed, without a record, until UNTIL_NS
 * (CLOCK_MONOTONIC), and some of them at least. True: none is left. */
bool wq_queue_release_until(struct wq_queue *queue, uint64_t until_ns);

void *wq_queue_owner(const struct wq_queue *queue);

/* IOC_WATCH_QUEUE_SET_SIZE. Rounds NR up to a multiple of WQFS_SIZE_UNIT. 0; -EBUSY: a size was
 * set already, or more records are queued than would fit; -EINVAL: NR is not in 1 to
 * max_size. */
int wq_queue_set_size(struct wq_queue *queue, unsigned long nr);

/* Gives a new queue the default size of named queues, which wq_queue_set_size() may still
 * change once. NR 0 takes the size away again. Errors are the same. */
int wq_queue_set_default_size(struct wq_queue *queue, unsigned long nr);

/* Replaces the filter by a copy of F; NULL removes it. 0; -ENOMEM: there is no memory for F,
 * and the filter stays as it was. */
int wq_queue_set_filter(struct wq_queue *queue, const struct wq_filter *f);

/* The filter; NULL: there is none. Valid until the next wq_queue_set_filter(). */
const struct wq_filter *wq_queue_filter(const struct wq_queue *queue);

/* Renders as many whole records in FORMAT as fit into the SIZE bytes of BUF (of text and JSON
 * at most 32 KiB, because lines take time to make), and stores in TAKE how far that went. The
 * queue does not change, so that a reply that cannot be delivered loses nothing. Returns bytes;
 * -EAGAIN: there is nothing to read; -ENOBUFS: SIZE is too small for the first record. A LOSS
 * after the last record is left for the next read, as in the kernel. */
ssize_t wq_queue_peek(const struct wq_queue *queue, enum wqfs_format format, void *buf,
	size_t size, struct wq_take *take);

/* The same for only the first record or LOSS. Copies the record to RECORD; its length is 0 if
 * it is a LOSS. */
ssize_t wq_queue_peek_first(const struct wq_queue *queue, enum wqfs_format format, void *buf,
	size_t size, struct wq_take *take, struct wq_record *record);

/* Puts RECORD, which was consumed, back before all others; NULL: a LOSS. If there is no room
 * any more the record is lost, and a LOSS takes its place. Wakes readers. */
void wq_queue_put_back(struct wq_queue *queue, const struct wq_record *record);

/* Takes away what wq_queue_peek() returned, if nothing else was consumed since. True: memory
 * was given back. */
bool wq_queue_consume(struct wq_queue *queue, const struct wq_take *take);

/* QUEUE, which is new, may hold more than its size if its reader keeps up with a flood that is
 * handled late, as far as SURPLUS allows, which must live until the queue is closed. */
void wq_queue_share_surplus(struct wq_queue *queue, struct wq_surplus *surplus);

/* A reader has been waiting since SINCE_NS (CLOCK_MONOTONIC); 0: it waits no longer. This shows
 * whether it keeps up. */
void wq_queue_await(struct wq_queue *queue, uint64_t since_ns);

/* Is there room for no more than a quarter of its size? */
bool wq_queue_nearly_full(const struct wq_queue *queue);

/* Would a read return something: a record, or a LOSS that no record follows? */
bool wq_queue_gives(const struct wq_queue *queue);

/* Does poll() report a record? As in the kernel, a LOSS alone does not count, unless it came
 * from wq_queue_note_loss(). */
bool wq_queue_readable(const struct wq_queue *queue);

/* FIONREAD: the bytes of the queued records in FORMAT, without LOSS, as in the kernel. Each
 * record is measured once, that of a line when this is first asked for. */
size_t wq_queue_bytes(struct wq_queue *queue, enum wqfs_format format);

/* Have they SIZE bytes or more? That is known at less cost, if they are many. */
bool wq_queue_fills(struct wq_queue *queue, enum wqfs_format format, size_t size);

/* A source lost track: notes a LOSS after the last queued record, or at once if none is queued.
 * Wakes readers. */
void wq_queue_note_loss(struct wq_queue *queue);

/* Calls FN for each watch of QUEUE until it returns false. FN may not add or remove watches. */
void wq_queue_each_watch(const struct wq_queue *queue,
	bool (*fn)(const struct wq_watch *watch, void *arg), void *arg);

/* Fills in what the queue knows: size, queued, watches, posted, read, lost, filtered, losses.
 * Leaves the rest of S alone. */
void wq_queue_stats(const struct wq_queue *queue, struct wqfs_stats *s);

/* CLOCK_REALTIME of the last post, or of the creation of the queue. */
struct timespec wq_queue_mtime(const struct wq_queue *queue);

#endif
