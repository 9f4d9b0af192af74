/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue.h"
#include "record/render.h"

/* A loss that waits to be told. One from a source must wake readers by itself; one
 * from a full ring stands behind records, and poll() ignores it, as the kernel's. */
enum loss { LOSS_NONE, LOSS_FULL, LOSS_SOURCE };

#define FORMATS (WQFS_FORMAT_JSON + 1)

/* Lines for one read: a longer reply would hold up who asks next. */
#define RENDERED_AT_ONCE 32768

struct slot {
	struct wq_record record;
	uint8_t loss;		/* enum loss: what was lost right after this record */
	uint16_t size[FORMATS]; /* of the record in each format */
};

struct wq_queue {
	const struct wq_queue_ops *ops;
	void *owner;
	unsigned int refs;
	LIST_HEAD(, wq_watch) watches;
	struct wq_watch *by_key; /* the same, hashed */

	/* head and tail run free; the ring has a power of two of slots, of which
	 * size may be in use. */
	struct slot *ring;
	uint32_t mask;
	uint32_t head, tail;
	uint32_t size, max_size;
	bool sized;	/* by the user: cannot be changed any more */
	enum loss loss; /* stands before the record at tail */

	/* When a reader last made room in a full ring; is it noted that records were lost
	 * before that? */
	uint64_t full_until_ns;
	bool full_lost;

	bool filtered;
	struct wq_filter filter;

	size_t bytes[FORMATS]; /* that are queued, in each format */

	struct timespec mtime;
	uint64_t posted, read, lost, refused, losses;
};

static const struct wq_record loss_record = {
	.len = sizeof(struct watch_notification),
	/* type META, subtype LOSS in the top byte of the first word, length in the second */
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

static uint32_t queued(const struct wq_queue *q)
{
	return q->head - q->tail;
}

static struct slot *slot_at(const struct wq_queue *q, uint32_t i)
{
	assert(q->ring);
	return &q->ring[i & q->mask];
}

/* ---- queues ---- */

struct wq_queue *wq_queue_new(const struct wq_queue_ops *ops, void *owner, uint32_t max_size)
{
	struct wq_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->ops = ops;
	q->owner = owner;
	q->refs = 1;
	q->max_size = max_size;
	LIST_INIT(&q->watches);
	clock_gettime(CLOCK_REALTIME, &q->mtime);
	return q;
}

struct wq_queue *wq_queue_get(struct wq_queue *q)
{
	assert(q->refs);
	q->refs++;
	return q;
}

static void release_watch(struct wq_watch *w)
{
	assert(!w->queue && !w->list->walks);
	LIST_REMOVE(w, list_node);
	if (w->list->release_watch)
		w->list->release_watch(w);
}

/* From here on nobody is told by W, which is released unless somebody goes through its list:
 * then it is when that ends. */
static void remove_watch(struct wq_watch *w)
{
	struct wq_watch_list *wlist = w->list;

	HASH_DEL(w->queue->by_key, w);
	LIST_REMOVE(w, queue_node);
	w->queue = NULL;
	if (wlist->walks)
		SLIST_INSERT_HEAD(&wlist->removed, w, removed_node);
	else
		release_watch(w);
}

void wq_queue_put(struct wq_queue *q)
{
	struct wq_watch *w;

	if (!q)
		return;
	assert(q->refs);
	if (--q->refs)
		return;
	while ((w = LIST_FIRST(&q->watches)))
		remove_watch(w);
	assert(!q->by_key);
	free(q->ring);
	free(q);
}

void *wq_queue_owner(const struct wq_queue *q)
{
	return q->owner;
}

static int resize(struct wq_queue *q, unsigned long nr)
{
	uint32_t size, slots = 1, n = queued(q);
	struct slot *ring;

	if (nr < 1 || nr > q->max_size)
		return -EINVAL;
	size = (uint32_t)((nr + WQFS_SIZE_UNIT - 1) / WQFS_SIZE_UNIT * WQFS_SIZE_UNIT);
	if (n > size)
		return -EBUSY;
	while (slots < size)
		slots <<= 1;
	/* calloc: untouched slots cost no memory */
	ring = calloc(slots, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		ring[i] = *slot_at(q, q->tail + i);
	free(q->ring);
	q->ring = ring;
	q->mask = slots - 1;
	q->tail = 0;
	q->head = n;
	q->size = size;
	return 0;
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
	if (q->sized || (nr == 0 && queued(q)))
		return -EBUSY;
	if (nr)
		return resize(q, nr);
	free(q->ring);
	q->ring = NULL;
	q->size = 0;
	return 0;
}

void wq_queue_set_filter(struct wq_queue *q, const struct wq_filter *f)
{
	q->filtered = f != NULL;
	if (f)
		q->filter = *f;
}

const struct wq_filter *wq_queue_filter(const struct wq_queue *q)
{
	return q->filtered ? &q->filter : NULL;
}

/* ---- posting ---- */

static void wake(struct wq_queue *q)
{
	if (q->ops && q->ops->wake)
		q->ops->wake(q);
}

static void note_loss(struct wq_queue *q, enum loss why)
{
	uint8_t *loss;

	if (!queued(q)) {
		q->loss = why;
		return;
	}
	loss = &slot_at(q, q->head - 1)->loss;
	if (*loss < why)
		*loss = why;
}

/* Made known for all formats once, so that nobody has to go through the queue for them. */
static void count_in(struct wq_queue *q, struct slot *s)
{
	for (int f = 0; f < FORMATS; f++) {
		s->size[f] = (uint16_t)wq_record_size(&s->record, (enum wqfs_format)f);
		q->bytes[f] += s->size[f];
	}
}

static void count_out(struct wq_queue *q, const struct slot *s)
{
	for (int f = 0; f < FORMATS; f++) {
		assert(q->bytes[f] >= s->size[f]);
		q->bytes[f] -= s->size[f];
	}
}

/* We learn of what was done some time after it. Was the queue full when it was done, though a
 * reader has made room since? */
static bool was_full(const struct wq_queue *q, uint64_t at_ns)
{
	return at_ns < q->full_until_ns;
}

/* The loss stands after what was queued last then: once, wherever that is by now. */
static void lose_late(struct wq_queue *q)
{
	q->lost++;
	if (!q->full_lost)
		note_loss(q, LOSS_FULL);
	q->full_lost = true;
}

/* The kernel's post_one_notification(), of what was done at AT_NS. */
static void post_one(struct wq_queue *q, const struct watch_notification *n,
	const struct wq_cred *who, uint64_t at_ns)
{
	struct slot *s;

	if (!q->size) { /* never sized: dropped without a trace, as in the kernel */
		q->lost++;
		return;
	}
	if (was_full(q, at_ns)) {
		lose_late(q);
		return;
	}
	if (queued(q) >= q->size) {
		q->lost++;
		note_loss(q, LOSS_FULL);
		return;
	}
	s = slot_at(q, q->head);
	s->loss = LOSS_NONE;
	s->record.len = n->info & WATCH_INFO_LENGTH;
	assert(s->record.len >= WQFS_RECORD_MIN && s->record.len <= WQFS_RECORD_MAX);
	memcpy(s->record.data, n, s->record.len);
	s->record.who = who ? *who : (struct wq_cred){0};
	clock_gettime(CLOCK_REALTIME, &s->record.when);
	q->mtime = s->record.when;
	count_in(q, s);
	q->head++;
	q->posted++;
	wake(q);
}

/* Watches stay where they are until end_walk(), also those that are removed. */
static void begin_walk(struct wq_watch_list *wlist)
{
	wlist->walks++;
}

/* The release of the last watch may free the list with its object. */
static void end_walk(struct wq_watch_list *wlist)
{
	bool more;

	assert(wlist->walks);
	more = !--wlist->walks && !SLIST_EMPTY(&wlist->removed);
	while (more) {
		struct wq_watch *w = SLIST_FIRST(&wlist->removed);

		SLIST_REMOVE_HEAD(&wlist->removed, removed_node);
		more = !SLIST_EMPTY(&wlist->removed);
		release_watch(w);
	}
}

/* Is N for Q, which watches by W? Asking may remove W. */
static bool may_enter(struct wq_queue *q, const struct wq_watch *w, const struct wq_cred *who,
	const struct watch_notification *n)
{
	if (q->filtered && !wq_filter_pass(&q->filter, n)) {
		q->refused++;
		return false;
	}
	if (q->ops && q->ops->may_post && !q->ops->may_post(q, w, who, n))
		return false;
	return w->queue;
}

int wq_post(struct wq_watch_list *wlist, const struct watch_notification *n,
	const struct wq_cred *who, uint64_t id, uint64_t at_ns)
{
	uint32_t len = n->info & WATCH_INFO_LENGTH;
	union {
		struct watch_notification n;
		unsigned char raw[WQFS_RECORD_MAX];
	} one; /* the record as a single queue sees it */
	struct wq_watch *w;

	if (len < WQFS_RECORD_MIN)
		return -EINVAL;
	memcpy(&one, n, len);
	begin_walk(wlist);
	LIST_FOREACH (w, &wlist->watchers, list_node) {
		struct wq_queue *q;

		if (w->id != id || w->since_ns > at_ns || !w->queue)
			continue;
		q = wq_queue_get(w->queue); /* a hook may close it */
		one.n.info = (n->info & ~(uint32_t)WATCH_INFO_ID) | w->info_id;
		if (may_enter(q, w, who, &one.n))
			post_one(q, &one.n, who, at_ns);
		wq_queue_put(q);
	}
	end_walk(wlist);
	return 0;
}

void wq_queue_note_loss(struct wq_queue *q)
{
	note_loss(q, LOSS_SOURCE);
	wake(q);
}

/* ---- watches ---- */

void wq_watch_list_init(struct wq_watch_list *wlist, void (*release)(struct wq_watch *watch))
{
	LIST_INIT(&wlist->watchers);
	wlist->release_watch = release;
	wlist->walks = 0;
	SLIST_INIT(&wlist->removed);
}

bool wq_watch_list_empty(const struct wq_watch_list *wlist)
{
	return LIST_EMPTY(&wlist->watchers);
}

void wq_watch_init(struct wq_watch *w, struct wq_queue *q)
{
	memset(w, 0, sizeof(*w));
	w->queue = q;
}

static struct wq_watch_key key_of(const struct wq_watch_list *wlist, uint64_t id)
{
	return (struct wq_watch_key){.list = (uintptr_t)wlist, .id = id};
}

/* A queue has one table for all its watches, so that an object that few watch, as most are,
 * costs none. */
static struct wq_watch *find_watch(
	const struct wq_watch_list *wlist, const struct wq_queue *q, uint64_t id)
{
	struct wq_watch_key key = key_of(wlist, id);
	struct wq_watch *w;

	HASH_FIND(hh, q->by_key, &key, sizeof(key), w);
	return w;
}

bool wq_watch_exists(const struct wq_watch *w, const struct wq_watch_list *wlist)
{
	return find_watch(wlist, w->queue, w->id) != NULL;
}

int wq_watch_add(struct wq_watch *w, struct wq_watch_list *wlist)
{
	assert(w->queue && !(w->info_id & ~(uint32_t)WATCH_INFO_ID));
	if (wq_watch_exists(w, wlist))
		return -EBUSY;
	w->key = key_of(wlist, w->id);
	HASH_ADD(hh, w->queue->by_key, key, sizeof(w->key), w);
	if (!w->hh.tbl)
		return -ENOMEM;
	w->list = wlist;
	w->since_ns = wq_now_ns();
	LIST_INSERT_HEAD(&wlist->watchers, w, list_node);
	LIST_INSERT_HEAD(&w->queue->watches, w, queue_node);
	return 0;
}

/* The watch leaves and its queue is told, past its filter. */
static void remove_and_tell(struct wq_watch *w, uint64_t id)
{
	struct watch_notification_removal n = {0};
	size_t len = id ? sizeof(n) : sizeof(n.watch);
	struct wq_queue *q = wq_queue_get(w->queue);

	n.watch.type = WATCH_TYPE_META;
	n.watch.subtype = WATCH_META_REMOVAL_NOTIFICATION;
	n.watch.info = w->info_id | (uint32_t)len;
	n.id = id;
	remove_watch(w);
	post_one(q, &n.watch, NULL, UINT64_MAX);
	wq_queue_put(q);
}

/* False: there was none. */
static bool remove_all(struct wq_watch_list *wlist, uint64_t id)
{
	bool any = false;
	struct wq_watch *w;

	begin_walk(wlist);
	LIST_FOREACH (w, &wlist->watchers, list_node) {
		if (w->queue) {
			remove_and_tell(w, id);
			any = true;
		}
	}
	end_walk(wlist);
	return any;
}

int wq_watch_remove(struct wq_watch_list *wlist, struct wq_queue *q, uint64_t id, bool all)
{
	struct wq_watch *w;

	if (!all) {
		w = find_watch(wlist, q, id);
		if (!w)
			return -EBADSLT;
		remove_and_tell(w, id);
		return 0;
	}
	return remove_all(wlist, id) ? 0 : -EBADSLT;
}

void wq_watch_list_remove(struct wq_watch_list *wlist, uint64_t id)
{
	remove_all(wlist, id);
}

void wq_queue_each_watch(const struct wq_queue *q,
	void (*fn)(const struct wq_watch *watch, void *arg), void *arg)
{
	const struct wq_watch *w;

	LIST_FOREACH (w, &q->watches, queue_node)
		fn(w, arg);
}

/* ---- reading ---- */

/* The kernel's pipe_read(), with what it does to the pipe left for later. */
static ssize_t peek(const struct wq_queue *q, enum wqfs_format format, void *buf, size_t size,
	bool first_only, struct wq_take *take)
{
	uint32_t i = q->tail;
	size_t done = 0;
	ssize_t n = -EAGAIN;

	if (format != WQFS_FORMAT_RAW && size > RENDERED_AT_ONCE)
		size = RENDERED_AT_ONCE;
	*take = (struct wq_take){.pending = q->loss, .at_ns = wq_now_ns()};
	for (;;) {
		if (take->pending != LOSS_NONE) {
			n = wq_record_render(
				&loss_record, format, (char *)buf + done, size - done);
			if (n < 0)
				break;
			done += (size_t)n;
			take->losses++;
			take->pending = LOSS_NONE;
		}
		if (i == q->head || (first_only && take->losses))
			break;
		n = wq_record_render(
			&slot_at(q, i)->record, format, (char *)buf + done, size - done);
		if (n < 0)
			break;
		done += (size_t)n;
		take->pending = slot_at(q, i)->loss;
		take->records++;
		i++;
		if (i == q->head || done == size || first_only)
			break;
	}
	return done ? (ssize_t)done : n;
}

ssize_t wq_queue_peek(const struct wq_queue *q, enum wqfs_format format, void *buf, size_t size,
	struct wq_take *take)
{
	return peek(q, format, buf, size, false, take);
}

ssize_t wq_queue_peek_first(const struct wq_queue *q, enum wqfs_format format, void *buf,
	size_t size, struct wq_take *take, const struct wq_record **record)
{
	ssize_t n = peek(q, format, buf, size, true, take);

	*record = n > 0 && take->records ? &slot_at(q, q->tail)->record : NULL;
	return n;
}

/* A LOSS that stood before what was next stands after RECORD now. */
void wq_queue_put_back(struct wq_queue *q, const struct wq_record *record)
{
	struct slot *s;

	if (!record || queued(q) >= q->size) {
		q->lost += record != NULL;
		q->loss = LOSS_SOURCE;
	} else {
		s = slot_at(q, --q->tail);
		s->record = *record;
		s->loss = (uint8_t)q->loss;
		q->loss = LOSS_NONE;
		count_in(q, s);
		assert(q->read);
		q->read--;
	}
	wake(q);
}

void wq_queue_consume(struct wq_queue *q, const struct wq_take *take)
{
	assert(take->records <= queued(q));
	if (take->records && queued(q) >= q->size) {
		q->full_until_ns = take->at_ns;
		q->full_lost = slot_at(q, q->head - 1)->loss != LOSS_NONE;
	}
	for (uint32_t i = 0; i < take->records; i++)
		count_out(q, slot_at(q, q->tail + i));
	q->tail += take->records;
	q->loss = (enum loss)take->pending;
	/* A loss since the peek was noted at the last record, which is gone now. */
	if (take->records && !queued(q))
		q->loss = (enum loss)slot_at(q, q->tail - 1)->loss;
	q->read += take->records;
	q->losses += take->losses;
}

bool wq_queue_gives(const struct wq_queue *q)
{
	return queued(q) || q->loss != LOSS_NONE;
}

bool wq_queue_readable(const struct wq_queue *q)
{
	return queued(q) || q->loss == LOSS_SOURCE;
}

size_t wq_queue_bytes(const struct wq_queue *q, enum wqfs_format format)
{
	return q->bytes[format];
}

void wq_queue_stats(const struct wq_queue *q, struct wqfs_stats *s)
{
	s->size = q->size;
	s->queued = queued(q);
	s->watches = HASH_COUNT(q->by_key);
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
