/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch queues, watches and watch lists: the ring, its loss, and who is told what.
 * No FUSE, no keys, no waiting. Names and rules are those of the kernel's own API
 * (Documentation/core-api/watch_queue.rst); one thread, no locks.
 *
 * A producer has a watch list for each object (or one for all of a kind), adds
 * watches to it, and posts. A consumer holds a queue by reference and takes records.
 */
#ifndef WQ_QUEUE_H
#define WQ_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <uthash.h>

#include "filter.h"
#include "record/record.h"
#include "record/ring.h"

struct wq_queue;
struct wq_watch;

/* ---- watch lists: the source's side ---- */

struct wq_watch_list {
	LIST_HEAD(, wq_watch) watchers;
	void (*release_watch)(struct wq_watch *watch);

	/* The rest is queue.c's: while somebody goes through the list, watches that are
	 * removed stay in it, and are released when nobody does any more. */
	unsigned int walks;
	SLIST_HEAD(, wq_watch) removed;
};

/* What a queue knows its watches by. */
struct wq_watch_key {
	uint64_t list; /* its address */
	uint64_t id;
};

/* Subscribes one queue to one object. The producer allocates it, calls
 * wq_watch_init(), sets the three fields and calls wq_watch_add(). From a
 * successful add until release_watch() it belongs to the list. */
struct wq_watch {
	uint32_t info_id;  /* 8-bit id << WATCH_INFO_ID__SHIFT, or'ed into records */
	uint64_t id;	   /* the object: posts with another id are not for it */
	void *private;	   /* the producer's */
	uint64_t since_ns; /* CLOCK_MONOTONIC at wq_watch_add() */

	struct wq_queue *queue; /* the rest is queue.c's; NULL: it was removed */
	struct wq_watch_list *list;
	LIST_ENTRY(wq_watch) list_node;
	LIST_ENTRY(wq_watch) queue_node;
	SLIST_ENTRY(wq_watch) removed_node;
	struct wq_watch_key key;
	UT_hash_handle hh;
};

/* Makes WLIST empty. RELEASE, if not NULL, is called once for each watch that
 * leaves the list, whatever way it leaves (removed, list removed, queue gone),
 * when nothing refers to it any more: it frees the watch and what hangs on it, and
 * with the last of them the list, if it likes: wq_watch_list_empty() then says so.
 * It must not remove other watches. */
void wq_watch_list_init(struct wq_watch_list *wlist, void (*release)(struct wq_watch *watch));

/* The object ID is gone: posts REMOVAL to every subscribed queue and empties the
 * list (the kernel's remove_watch_list()). With ID 0 REMOVAL is 8 bytes long. */
void wq_watch_list_remove(struct wq_watch_list *wlist, uint64_t id);

/* True if no watch is on the list, nor one that was removed but not released yet. */
bool wq_watch_list_empty(const struct wq_watch_list *wlist);

/* Prepares WATCH to subscribe QUEUE. Takes no reference: a watch never keeps its
 * queue alive; a queue that goes takes its watches with it. */
void wq_watch_init(struct wq_watch *watch, struct wq_queue *queue);

/* The kernel's add_watch_to_object(). 0, or -EBUSY: the queue already watches this
 * id on this list; -ENOMEM. How many others watch it makes no difference. */
int wq_watch_add(struct wq_watch *watch, struct wq_watch_list *wlist);

/* Would wq_watch_add() say -EBUSY? */
bool wq_watch_exists(const struct wq_watch *watch, const struct wq_watch_list *wlist);

/* The kernel's remove_watch_from_object(): removes QUEUE's watch on ID, or with ALL
 * every watch of the list, and posts REMOVAL to each queue. 0, or -EBADSLT: no such
 * watch. */
int wq_watch_remove(struct wq_watch_list *wlist, struct wq_queue *queue, uint64_t id, bool all);

/* Posts N (its length is in n->info, WQFS_RECORD_MIN..WQFS_RECORD_MAX; any type)
 * to every queue that watches ID on WLIST: the watch's id is put into info, then
 * the queue's filter and its may_post() hook are asked. WHO is the poster, or NULL
 * if not known. AT_NS is when it was done (CLOCK_MONOTONIC; UINT64_MAX: now): watches
 * added after it are not told, and a queue that was full then notes a loss even if a
 * reader has made room since. Never waits: a full queue notes the loss. -EINVAL: a
 * length outside the bounds, nothing is posted; else 0. */
int wq_post(struct wq_watch_list *wlist, const struct watch_notification *n,
	const struct wq_cred *who, uint64_t id, uint64_t at_ns);

/* ---- queues: the consumer's side ---- */

/* They are called in the middle of a post. They may remove watches and drop references to
 * queues, these ones included: whoever is removed before its turn is not told. They may not
 * post. */
struct wq_queue_ops {
	/* A record or a LOSS has become readable. May take it at once. */
	void (*wake)(struct wq_queue *queue);
	/* May WHO's record N enter? The kernel asks its LSMs here. NULL: always. WHO is
	 * NULL if not known. A refused record is no loss. */
	bool (*may_post)(struct wq_queue *queue, const struct wq_watch *watch,
		const struct wq_cred *who, const struct watch_notification *n);
};

/* A new unsized queue with one reference, OWNER kept for the ops; NULL: no memory.
 * MAX_SIZE bounds wq_queue_set_size() (the kernel's bound is WQFS_SIZE_MAX). */
struct wq_queue *wq_queue_new(const struct wq_queue_ops *ops, void *owner, uint32_t max_size);

/* One more reference to QUEUE, which is returned. */
struct wq_queue *wq_queue_get(struct wq_queue *queue);

/* Drops a reference. The last one releases the queue's watches, silently, and frees
 * it. NULL is allowed. */
void wq_queue_put(struct wq_queue *queue);

void *wq_queue_owner(const struct wq_queue *queue);

/* IOC_WATCH_QUEUE_SET_SIZE. NR is rounded up to a multiple of WQFS_SIZE_UNIT. 0, or
 * -EBUSY: a size was set already, or more is queued than would fit; -EINVAL: outside
 * 1..max_size; -ENOMEM. */
int wq_queue_set_size(struct wq_queue *queue, unsigned long nr);

/* Gives a new queue a size that wq_queue_set_size() may still change once: what a
 * named queue starts with. NR 0 makes it unsized again. Errors as there. */
int wq_queue_set_default_size(struct wq_queue *queue, unsigned long nr);

/* Puts F (copied) in place of the filter; NULL removes it. */
void wq_queue_set_filter(struct wq_queue *queue, const struct wq_filter *f);

/* The filter, or NULL if there is none. Valid until the next set. */
const struct wq_filter *wq_queue_filter(const struct wq_queue *queue);

/* Renders as many whole records as fit into BUF of SIZE bytes, in FORMAT (text and JSON: no
 * more than 32 KiB of them, since lines take time to make), and says
 * in TAKE how far it came; the queue is not changed, so a reply that cannot be
 * delivered loses nothing. Returns bytes; -EAGAIN: nothing to read; -ENOBUFS: SIZE
 * is too small for the first record. A LOSS that follows the last record read is
 * left for the next read, as the kernel leaves it. */
ssize_t wq_queue_peek(const struct wq_queue *queue, enum wqfs_format format, void *buf,
	size_t size, struct wq_take *take);

/* The same for the first record or LOSS alone. *RECORD is it, valid until something
 * is consumed; NULL: a LOSS. */
ssize_t wq_queue_peek_first(const struct wq_queue *queue, enum wqfs_format format, void *buf,
	size_t size, struct wq_take *take, const struct wq_record **record);

/* Puts RECORD, which was consumed, back before all others; NULL: a LOSS. Where there is no
 * room any more it is lost, which a LOSS in its place tells. Wakes. */
void wq_queue_put_back(struct wq_queue *queue, const struct wq_record *record);

/* Takes away what wq_queue_peek() said, provided nothing else was consumed since. */
void wq_queue_consume(struct wq_queue *queue, const struct wq_take *take);

/* Would a read be given something: a record, or a LOSS that is all that is left? */
bool wq_queue_gives(const struct wq_queue *queue);

/* What poll() says: a record is there. As in the kernel a LOSS that is the only
 * thing left does not count, unless it came from wq_queue_note_loss(). */
bool wq_queue_readable(const struct wq_queue *queue);

/* FIONREAD: bytes of the queued records in FORMAT (LOSS not counted, as in the
 * kernel). They are counted as they come and go: asking is cheap. */
size_t wq_queue_bytes(const struct wq_queue *queue, enum wqfs_format format);

/* A source lost track: LOSS after the last record queued, at once if none is. Wakes. */
void wq_queue_note_loss(struct wq_queue *queue);

/* Calls FN for each watch of QUEUE; FN may not add or remove watches. */
void wq_queue_each_watch(const struct wq_queue *queue,
	void (*fn)(const struct wq_watch *watch, void *arg), void *arg);

/* Fills what the queue knows: size, queued, watches, posted, read, lost, filtered,
 * losses. The rest of S is untouched. */
void wq_queue_stats(const struct wq_queue *queue, struct wqfs_stats *s);

/* CLOCK_REALTIME of the last post, or of the queue's making. */
struct timespec wq_queue_mtime(const struct wq_queue *queue);

#endif
