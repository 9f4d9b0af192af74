/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "keys/losses.h"

#define OWED_MAX 64
#define AT_ONCE	 32 /* keys that are gone through without a look at the time */
#define AGAIN_NS (5 * WQ_NSEC_PER_MSEC) /* until it is asked again who has a share */

struct wq_owed {
	wq_loss_concerns *concerns; /* NULL: all */
	uid_t payer;		    /* unless it is for all */
	uint64_t number;	    /* by which a queue knows that it has it */
	uint64_t found_scan;	    /* as of a key that is deferred */
	bool walking;
	bool again;		     /* there was another one since the walk began, */
	uint64_t again_scan;	     /* and this was its found_scan */
	struct wq_key_cursor cursor; /* where the walk stands */
	struct wq_owed *next;
	size_t size;
	unsigned char arg[];
};

/* ---- one key ---- */

static void tell_watchers(const struct wq_key *key, uint64_t number)
{
	const struct wq_watch *w;

	LIST_FOREACH (w, &key->watchers.watchers, list_node)
		if (w->queue)
			wq_queue_note_one_loss(w->queue, number);
}

/* Those whose end is still to be told may have missed what came before it, too. */
static void remove_zombies(
	struct wq_losses *l, wq_loss_concerns *concerns, const void *arg, uint64_t number)
{
	const struct wq_key *key;

	TAILQ_FOREACH (key, &l->registry->zombies, node)
		if (!concerns || concerns(key, arg))
			tell_watchers(key, number);
}

void wq_losses_tell(struct wq_losses *l, wq_loss_concerns *concerns, const void *arg)
{
	uint64_t number = ++l->number;
	const struct wq_key *key;

	for (unsigned int kind = 0; kind < WQ_RING_KINDS; kind++)
		TAILQ_FOREACH (key, &l->registry->rings.of[kind], ring_node)
			if (concerns(key, arg))
				tell_watchers(key, number);
	remove_zombies(l, concerns, arg, number);
}

/* ---- what is owed ---- */

static void append(struct wq_losses *l, struct wq_owed *loss)
{
	loss->next = NULL;
	if (l->last)
		l->last->next = loss;
	else
		l->first = loss;
	l->last = loss;
	l->n++;
}

static struct wq_owed *take_first(struct wq_losses *l)
{
	struct wq_owed *loss = l->first;

	l->first = loss->next;
	if (!l->first)
		l->last = NULL;
	l->n--;
	return loss;
}

/* Goes on with the walk of LOSS until UNTIL_NS. True: it has ended. */
static bool walk(struct wq_losses *l, struct wq_owed *loss, uint64_t until_ns)
{
	const struct wq_key *key;
	unsigned int n = 0;

	if (!loss->walking) {
		loss->walking = true;
		loss->number = ++l->number;
		wq_cursor_begin(l->registry, &loss->cursor);
	}
	while ((key = wq_cursor_next(&loss->cursor))) {
		if (!loss->concerns || loss->concerns(key, loss->arg))
			tell_watchers(key, loss->number);
		if (++n % AT_ONCE == 0 && wq_now_ns() >= until_ns)
			break;
	}
	if (loss->cursor.next)
		return false;
	remove_zombies(l, loss->concerns, loss->arg, loss->number);
	loss->walking = false;
	return true;
}

/* The same for what LOSS is paid for. */
static bool walk_and_pay(struct wq_losses *l, struct wq_owed *loss, uint64_t until_ns)
{
	struct wq_work work;
	bool ended;

	if (!loss->concerns)
		return walk(l, loss, until_ns);
	if (!wq_work_begin(&work, l->inferring, loss->payer))
		return false;
	ended = walk(l, loss, until_ns);
	wq_work_end(&work);
	return ended;
}

/* LOSS has been told: of what came since it is owed anew. */
static void told(struct wq_losses *l, struct wq_owed *loss)
{
	if (!loss->again) {
		free(loss);
		return;
	}
	loss->again = false;
	loss->found_scan = loss->again_scan;
	append(l, loss);
}

void wq_losses_step(struct wq_losses *l)
{
	uint64_t until = wq_now_ns() + WQ_SLICE_NS;

	for (unsigned int n = l->n; n && wq_now_ns() < until; n--) {
		struct wq_owed *loss = take_first(l);

		if (walk_and_pay(l, loss, until))
			told(l, loss);
		else
			append(l, loss);
	}
	if (l->n)
		wq_timer_set(l->loop, &l->timer, wq_now_ns() < until ? until + AGAIN_NS : 0);
}

static struct wq_owed *find(struct wq_losses *l, const struct wq_owed *like)
{
	struct wq_owed *loss;

	for (loss = l->first; loss; loss = loss->next)
		if (loss->concerns == like->concerns && loss->payer == like->payer &&
			loss->size == like->size && !memcmp(loss->arg, like->arg, like->size))
			break;
	return loss;
}

/* LOSS, which is freed if it is one with another, is owed from now on. False: it is none of the
 * others, and there is no room. */
static bool owe(struct wq_losses *l, struct wq_owed *loss)
{
	struct wq_owed *old = find(l, loss);

	if (!old && l->n >= OWED_MAX)
		return false;
	loss->found_scan = l->registry->found_scan;
	if (!l->timer.set)
		wq_timer_set(l->loop, &l->timer, wq_now_ns() + AGAIN_NS);
	if (!old) {
		append(l, loss);
		return true;
	}
	if (old->walking && !old->again) {
		old->again = true;
		old->again_scan = loss->found_scan;
	}
	free(loss);
	return true;
}

void wq_losses_owe(struct wq_losses *l, wq_loss_concerns *concerns, const void *arg,
	size_t size, uid_t payer)
{
	struct wq_owed *loss = calloc(1, sizeof(*loss) + size);

	if (loss) {
		loss->concerns = concerns;
		loss->payer = payer;
		loss->size = size;
		memcpy(loss->arg, arg, size);
		if (owe(l, loss))
			return;
		free(loss);
	}
	wq_losses_tell(l, concerns, arg);
}

void wq_losses_tell_all(struct wq_losses *l)
{
	struct wq_owed *loss = calloc(1, sizeof(*loss)), now = {0};

	wq_debug_keys("LOSS for all who watch anything");
	if (!loss) {
		(void)walk(l, &now, UINT64_MAX);
		return;
	}
	if (walk(l, loss, wq_now_ns() + WQ_SLICE_NS)) {
		free(loss);
		return;
	}
	loss->found_scan = l->registry->found_scan;
	append(l, loss);
	wq_timer_set(l->loop, &l->timer, 0);
}

bool wq_losses_are_settled(const struct wq_losses *l, uint64_t scan)
{
	for (const struct wq_owed *loss = l->first; loss; loss = loss->next)
		if (loss->found_scan <= scan)
			return false;
	return true;
}

void wq_losses_fini(struct wq_losses *l)
{
	while (l->first) {
		struct wq_owed *loss = take_first(l);

		wq_cursor_end(&loss->cursor);
		free(loss);
	}
	wq_timer_clear(l->loop, &l->timer);
}
