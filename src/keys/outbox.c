/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "keys/outbox.h"

struct wq_sending {
	struct wq_posting posting;
	struct wq_cred who;
	struct wq_sending *next;
};

/* P, which has begun, waits from now on. False: no memory. */
static bool put_off(struct wq_outbox *o, const struct wq_posting *p)
{
	struct wq_sending *s = calloc(1, sizeof(*s));

	if (!s)
		return false;
	s->posting = *p;
	if (p->who) {
		s->who = *p->who;
		s->posting.who = &s->who;
	}
	if (o->last)
		o->last->next = s;
	else
		o->first = s;
	o->last = s;
	o->n++;
	if (!o->timer.set)
		wq_timer_set(o->loop, &o->timer, 0);
	return true;
}

/* Sends P, which has begun: at once, or in later turns. */
static void send(struct wq_outbox *o, struct wq_posting *p)
{
	p->number = ++o->number;
	/* most records have few watches: only the others need the clock */
	if (wq_outbox_empty(o) && wq_posting_step(p, 0))
		return;
	if (put_off(o, p))
		return;
	(void)wq_outbox_step(o, UINT64_MAX);
	(void)wq_posting_step(p, UINT64_MAX);
}

void wq_outbox_post(struct wq_outbox *o, struct wq_watch_list *wlist,
	const struct watch_notification *n, const struct wq_cred *who, uint64_t id,
	uint64_t at_ns)
{
	struct wq_posting p;

	if (wq_posting_begin(&p, wlist, n, who, id, at_ns) == 0)
		send(o, &p);
}

void wq_outbox_lose(struct wq_outbox *o, struct wq_watch_list *wlist, uint64_t id)
{
	struct wq_posting p;

	wq_posting_begin_loss(&p, wlist, id, 0);
	send(o, &p);
}

static void drop_first(struct wq_outbox *o)
{
	struct wq_sending *s = o->first;

	o->first = s->next;
	if (!o->first)
		o->last = NULL;
	o->n--;
	free(s);
}

bool wq_outbox_step(struct wq_outbox *o, uint64_t until_ns)
{
	while (o->first && wq_posting_step(&o->first->posting, until_ns)) {
		drop_first(o);
		if (wq_now_ns() >= until_ns)
			break;
	}
	return !o->first;
}

void wq_outbox_send_first(struct wq_outbox *o, struct wq_queue *queue)
{
	for (struct wq_sending *s = o->first; s; s = s->next)
		wq_posting_to(&s->posting, queue);
}

bool wq_outbox_has_sent(const struct wq_outbox *o, uint64_t number)
{
	return !o->first || o->first->posting.number > number;
}

void wq_outbox_fini(struct wq_outbox *o)
{
	while (o->first) {
		wq_posting_cancel(&o->first->posting);
		drop_first(o);
	}
	if (o->loop)
		wq_timer_clear(o->loop, &o->timer);
}
