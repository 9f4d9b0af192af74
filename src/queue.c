/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue.h"
#include "queue/inside.h"
#include "record/render.h"

#define RECORDS_AT_ONCE 1024 /* are dropped between two looks at the clock */

/* ---- queues ---- */

static const uint32_t kernels_max_size = WQFS_SIZE_MAX;

struct wq_queue *wq_queue_new(
	const struct wq_queue_ops *ops, void *owner, const uint32_t *max_size)
{
	struct wq_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->ops = ops;
	q->owner = owner;
	q->refs = 1;
	q->max_size = max_size ? max_size : &kernels_max_size;
	wq_watches_init(&q->watches);
	clock_gettime(CLOCK_REALTIME, &q->mtime);
	return q;
}

struct wq_queue *wq_queue_get(struct wq_queue *q)
{
	assert(q->refs);
	q->refs++;
	return q;
}

bool wq_queue_release_until(struct wq_queue *q, uint64_t until_ns)
{
	while (!wq_ring_drop(&q->ring, RECORDS_AT_ONCE))
		if (wq_now_ns() >= until_ns)
			return false;
	return wq_watches_remove_until(&q->watches, until_ns);
}

void wq_queue_close(struct wq_queue *q)
{
	assert(q->refs);
	wq_ring_close(&q->ring);
	q->ops = NULL;
	q->owner = NULL;
	q->closed = true;
}

void wq_queue_put(struct wq_queue *q)
{
	if (!q)
		return;
	assert(q->refs);
	if (--q->refs)
		return;
	(void)wq_queue_release_until(q, UINT64_MAX);
	assert(!q->watches.by_key);
	wq_ring_fini(&q->ring);
	free(q->filter);
	free(q);
}

void *wq_queue_owner(const struct wq_queue *q)
{
	return q->owner;
}

static int resize(struct wq_queue *q, unsigned long nr)
{
	if (nr < 1 || nr > *q->max_size)
		return -EINVAL;
	return wq_ring_resize(&q->ring,
		(uint32_t)((nr + WQFS_SIZE_UNIT - 1) / WQFS_SIZE_UNIT * WQFS_SIZE_UNIT));
}

int wq_queue_set_size(struct wq_queue *q, unsigned long nr)
{
	int r;

	if (q->sized)
		return -EBUSY;
	r = resize(q, nr);
	if (r == 0)
		q->sized = true;
	return r;
}

int wq_queue_set_default_size(struct wq_queue *q, unsigned long nr)
{
	if (q->sized)
		return -EBUSY;
	return nr ? resize(q, nr) : wq_ring_resize(&q->ring, 0);
}

int wq_queue_set_filter(struct wq_queue *q, const struct wq_filter *f)
{
	struct wq_filter *copy = f ? malloc(sizeof(*copy)) : NULL;

	if (f && !copy)
		return -ENOMEM;
	if (f)
		*copy = *f;
	free(q->filter);
	q->filter = copy;
	return 0;
}

const struct wq_filter *wq_queue_filter(const struct wq_queue *q)
{
	return q->filter;
}

/* ---- posting ---- */

static void wake(struct wq_queue *q)
{
	if (q->ops && q->ops->wake)
		q->ops->wake(q);
}

void wq_queue_enter(struct wq_queue *q, const struct wq_slot *slot, uint64_t at_ns)
{
	if (!wq_ring_put(&q->ring, slot, at_ns)) {
		wq_debug_keys("watch 0x%02x: the record is lost: %s", wq_slot_id(slot),
			wq_ring_why_lost(&q->ring, at_ns));
		q->lost++;
		if (q->ring.loss == WQ_LOSS_SOURCE) /* no record tells its reader */
			wake(q);
		return;
	}
	q->mtime = wq_slot_when(slot);
	q->posted++;
	wake(q);
}

bool wq_queue_may_enter(struct wq_queue *q, const struct wq_watch *w, const struct wq_cred *who,
	const struct watch_notification *n)
{
	if (q->filter && !wq_filter_pass(q->filter, n)) {
		wq_debug_keys("watch 0x%02x: the filter of its queue refuses the record",
			(n->info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT);
		q->refused++;
		return false;
	}
	if (q->ops && q->ops->may_post && !q->ops->may_post(q, w, who, n)) {
		wq_debug_keys("watch 0x%02x: the record is refused by may_post()",
			(n->info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT);
		return false;
	}
	return wq_watch_open_queue(w);
}

void wq_queue_note_loss(struct wq_queue *q)
{
	wq_ring_note_loss(&q->ring, WQ_LOSS_SOURCE);
	wake(q);
}

void wq_queue_note_one_loss(struct wq_queue *q, uint64_t number)
{
	if (q->loss_number == number)
		return;
	q->loss_number = number;
	wq_queue_note_loss(q);
}

/* ---- watches ---- */

bool wq_watch_exists(const struct wq_watch *w, const struct wq_watch_list *wlist)
{
	return wq_watches_find(&w->queue->watches, wlist, w->id) != NULL;
}

int wq_watch_add(struct wq_watch *w, struct wq_watch_list *wlist)
{
	int r;

	assert(w->queue && !(w->info_id & ~(uint32_t)WATCH_INFO_ID));
	if (wq_watch_exists(w, wlist))
		return -EBUSY;
	r = wq_watches_add(&w->queue->watches, w, wlist);
	if (r == 0)
		w->since_ns = wq_now_ns();
	return r;
}

/* Removes the watch and posts REMOVAL to its queue, past its filter. */
static void remove_and_post(struct wq_watch *w, uint64_t id)
{
	struct watch_notification_removal n = {0};
	size_t len = id ? sizeof(n) : sizeof(n.watch);
	struct wq_queue *q = wq_queue_get(w->queue);
	struct wq_slot slot;

	n.watch.type = WATCH_TYPE_META;
	n.watch.subtype = WATCH_META_REMOVAL_NOTIFICATION;
	n.watch.info = w->info_id | (uint32_t)len;
	n.id = id;
	wq_watches_remove(&q->watches, w);
	if (!q->closed) {
		wq_debug_keys("watch 0x%02x: REMOVAL is posted",
			(n.watch.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT);
		(void)wq_slot_make(&slot, &n.watch, NULL); /* without memory it is a LOSS */
		wq_queue_enter(q, &slot, UINT64_MAX);
		wq_slot_drop(&slot);
	}
	wq_queue_put(q);
}

/* Removes watches of WLIST until UNTIL_NS, and counts them in *N. True: none is left. */
static bool remove_until(
	struct wq_watch_list *wlist, uint64_t id, uint64_t until_ns, unsigned int *n)
{
	struct wq_watch *w;

	*n = 0;
	wq_walk_begin(wlist);
	LIST_FOREACH (w, &wlist->watchers, list_node) {
		if (!w->queue)
			continue;
		if (*n && *n % WQ_WATCHES_AT_ONCE == 0 && wq_now_ns() >= until_ns)
			break;
		remove_and_post(w, id);
		++*n;
	}
	wq_walk_end(wlist);
	return !w;
}

int wq_watch_remove(struct wq_watch_list *wlist, struct wq_queue *q, uint64_t id, bool all)
{
	struct wq_watch *w;
	unsigned int n;

	if (!all) {
		w = wq_watches_find(&q->watches, wlist, id);
		if (!w)
			return -EBADSLT;
		remove_and_post(w, id);
		return 0;
	}
	(void)remove_until(wlist, id, UINT64_MAX, &n);
	return n ? 0 : -EBADSLT;
}

bool wq_watch_list_remove_until(struct wq_watch_list *wlist, uint64_t id, uint64_t until_ns)
{
	unsigned int n;

	return remove_until(wlist, id, until_ns, &n);
}

void wq_queue_each_watch(const struct wq_queue *q,
	bool (*fn)(const struct wq_watch *watch, void *arg), void *arg)
{
	const struct wq_watch *w;

	LIST_FOREACH (w, &q->watches.all, queue_node)
		if (!fn(w, arg))
			break;
}

/* ---- reading ---- */

ssize_t wq_queue_peek(const struct wq_queue *q, enum wqfs_format format, void *buf, size_t size,
	struct wq_take *take)
{
	return wq_ring_peek(&q->ring, format, buf, size, false, take);
}

ssize_t wq_queue_peek_first(const struct wq_queue *q, enum wqfs_format format, void *buf,
	size_t size, struct wq_take *take, struct wq_record *record)
{
	ssize_t n = wq_ring_peek(&q->ring, format, buf, size, true, take);

	record->len = 0;
	if (n > 0 && take->records)
		wq_ring_first(&q->ring, record);
	return n;
}

void wq_queue_put_back(struct wq_queue *q, const struct wq_record *record)
{
	if (wq_ring_put_back(&q->ring, record)) {
		assert(q->read);
		q->read--;
	} else {
		q->lost += record != NULL;
	}
	wake(q);
}

bool wq_queue_consume(struct wq_queue *q, const struct wq_take *take)
{
	q->read += take->records;
	q->losses += take->losses;
	return wq_ring_consume(&q->ring, take);
}

void wq_queue_share_surplus(struct wq_queue *q, struct wq_surplus *surplus)
{
	q->ring.surplus = surplus;
}

void wq_queue_await(struct wq_queue *q, uint64_t since_ns)
{
	wq_ring_await(&q->ring, since_ns);
}

bool wq_queue_nearly_full(const struct wq_queue *q)
{
	return wq_ring_queued(&q->ring) >= q->ring.size - q->ring.size / 4;
}

bool wq_queue_gives(const struct wq_queue *q)
{
	return wq_ring_queued(&q->ring) || q->ring.loss != WQ_LOSS_NONE;
}

bool wq_queue_readable(const struct wq_queue *q)
{
	return wq_ring_queued(&q->ring) || q->ring.loss == WQ_LOSS_SOURCE;
}

size_t wq_queue_bytes(struct wq_queue *q, enum wqfs_format format)
{
	return wq_ring_bytes(&q->ring, format);
}

bool wq_queue_fills(struct wq_queue *q, enum wqfs_format format, size_t size)
{
	return wq_ring_queued(&q->ring) * wq_record_least(format) >= size ||
	       wq_ring_bytes(&q->ring, format) >= size;
}

void wq_queue_stats(const struct wq_queue *q, struct wqfs_stats *s)
{
	s->size = q->ring.size;
	s->queued = wq_ring_queued(&q->ring);
	s->watches = HASH_COUNT(q->watches.by_key);
	s->posted = q->posted;
	s->read = q->read;
	s->lost = q->lost;
	s->filtered = q->refused;
	s->losses = q->losses;
}

struct timespec wq_queue_mtime(const struct wq_queue *q)
{
	return q->mtime;
}
