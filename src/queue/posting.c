/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue.h"
#include "queue/inside.h"

static void begin(
	struct wq_posting *p, struct wq_watch_list *wlist, uint64_t id, uint64_t at_ns)
{
	p->id = id;
	p->at_ns = at_ns;
	p->slot.shared = NULL;
	p->number = 0;
	p->list = wlist;
	p->newest = wlist->newest;
	p->next = LIST_FIRST(&wlist->watchers);
	wq_walk_begin(wlist);
}

int wq_posting_begin(struct wq_posting *p, struct wq_watch_list *wlist,
	const struct watch_notification *n, const struct wq_cred *who, uint64_t id,
	uint64_t at_ns)
{
	uint32_t len = n->info & WATCH_INFO_LENGTH;

	if (len < WQFS_RECORD_MIN)
		return -EINVAL;
	memcpy(&p->record, n, len);
	p->is_loss = false;
	p->who = who;
	begin(p, wlist, id, at_ns);
	return 0;
}

void wq_posting_begin_loss(
	struct wq_posting *p, struct wq_watch_list *wlist, uint64_t id, uint64_t loss_number)
{
	p->is_loss = true;
	p->loss_number = loss_number;
	p->who = NULL;
	begin(p, wlist, id, UINT64_MAX);
}

/* Is W still to get P? */
static bool is_for(const struct wq_posting *p, const struct wq_watch *w)
{
	if (w->id != p->id || !wq_watch_open_queue(w) || (p->number && w->posting >= p->number))
		return false;
	if (w->since_ns <= p->at_ns && w->number <= p->newest)
		return true;
	wq_debug_keys("watch 0x%02x: nothing is posted: it is newer than the change",
		w->info_id >> WATCH_INFO_ID__SHIFT);
	return false;
}

static void lose(struct wq_queue *q, uint64_t number)
{
	if (number)
		wq_queue_note_one_loss(q, number);
	else
		wq_queue_note_loss(q);
}

static const struct wq_slot *slot_of(struct wq_posting *p)
{
	if (p->slot.shared)
		wq_slot_set_id(&p->slot, p->record.n.info);
	else /* without memory it is a LOSS */
		(void)wq_slot_make(&p->slot, &p->record.n, p->who);
	return &p->slot;
}

static void post_to(struct wq_posting *p, struct wq_watch *w)
{
	struct wq_queue *q;

	if (!is_for(p, w))
		return;
	if (p->number)
		w->posting = p->number;
	q = wq_queue_get(w->queue); /* a hook may close the queue */
	if (p->is_loss) {
		lose(q, p->loss_number);
	} else {
		p->record.n.info = (p->record.n.info & ~(uint32_t)WATCH_INFO_ID) | w->info_id;
		if (wq_queue_may_enter(q, w, p->who, &p->record.n))
			wq_queue_enter(q, slot_of(p), p->at_ns);
	}
	wq_queue_put(q);
}

bool wq_posting_step(struct wq_posting *p, uint64_t until_ns)
{
	unsigned int n = 0;

	while (p->next) {
		struct wq_watch *w = p->next;

		p->next = LIST_NEXT(w, list_node);
		post_to(p, w);
		if (++n % WQ_WATCHES_AT_ONCE == 0 && wq_now_ns() >= until_ns)
			break;
	}
	if (p->next)
		return false;
	wq_slot_drop(&p->slot);
	return wq_walk_end_until(p->list, until_ns);
}

void wq_posting_cancel(struct wq_posting *p)
{
	wq_slot_drop(&p->slot);
	wq_walk_end(p->list);
}

int wq_post(struct wq_watch_list *wlist, const struct watch_notification *n,
	const struct wq_cred *who, uint64_t id, uint64_t at_ns)
{
	struct wq_posting p;
	int r = wq_posting_begin(&p, wlist, n, who, id, at_ns);

	if (r == 0)
		(void)wq_posting_step(&p, UINT64_MAX);
	return r;
}

void wq_posting_to(struct wq_posting *p, struct wq_queue *q)
{
	struct wq_watch *w = wq_watches_find(&q->watches, p->list, p->id);

	if (w)
		post_to(p, w);
}
