/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "keys/losses.h"

#define OWED_MAX    256
#define OWED_BY_ONE 16 /* different ones by one payer, before they are widened */
#define AT_ONCE	    32 /* keys that are walked before the time is checked */
#define AGAIN_NS    (5 * WQ_NSEC_PER_MSEC) /* until the shares are checked again */

/* ---- at once ---- */

static void begin_posting(struct wq_posting *p, struct wq_key *key, uint64_t number)
{
	wq_debug_keys("key %d: LOSS is posted", key->serial);
	wq_posting_begin_loss(p, &key->watchers, (uint64_t)key->serial, number);
}

/* Posts to the watches of KEY. False: UNTIL_NS has come before the last of them. */
static bool post_to_key(struct wq_key *key, uint64_t number, uint64_t until_ns)
{
	struct wq_posting p;

	begin_posting(&p, key, number);
	if (wq_posting_step(&p, until_ns))
		return true;
	wq_posting_cancel(&p);
	return false;
}

/* Watches of zombies, whose REMOVAL is still to be posted, may have missed earlier changes. */
static bool post_to_zombies(struct wq_losses *l, wq_loss_concerns *concerns, const void *arg,
	uint64_t number, uint64_t until_ns)
{
	struct wq_key *key;
	unsigned int n = 0;

	TAILQ_FOREACH (key, &l->registry->zombies, node) {
		if (concerns(key, arg) && !post_to_key(key, number, until_ns))
			return false;
		if (++n % AT_ONCE == 0 && wq_now_ns() >= until_ns)
			return false;
	}
	return true;
}

bool wq_losses_post(
	struct wq_losses *l, wq_loss_concerns *concerns, const void *arg, uint64_t until_ns)
{
	uint64_t number = ++l->number;
	struct wq_key *key;
	unsigned int n = 0;

	for (unsigned int kind = 0; kind < WQ_RING_KINDS; kind++) {
		TAILQ_FOREACH (key, &l->registry->rings.of[kind], ring_node) {
			if (concerns(key, arg) && !post_to_key(key, number, until_ns))
				return false;
			if (++n % AT_ONCE == 0 && wq_now_ns() >= until_ns)
				return false;
		}
	}
	return post_to_zombies(l, concerns, arg, number, until_ns);
}

/* ---- what is owed ---- */

static void append(struct wq_losses *l, struct wq_owed *loss)
{
	loss->listed = true;
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
	loss->listed = false;
	return loss;
}

/* Posts to the watches of the key at which the walk is. True: it has been to all of them. */
static bool post(struct wq_owed *loss, uint64_t until_ns)
{
	if (!loss->posting.list)
		return true;
	if (!wq_posting_step(&loss->posting, until_ns))
		return false;
	loss->posting.list = NULL;
	return true;
}

/* Goes through the keys that are left of the list at which the walk is. */
static bool walk_list(struct wq_owed *loss, uint64_t until_ns)
{
	struct wq_key *key;
	unsigned int n = 0;

	while (post(loss, until_ns) && (n == 0 || n % AT_ONCE || wq_now_ns() < until_ns)) {
		key = wq_cursor_next(&loss->cursor);
		if (!key)
			return true;
		n++;
		if (!loss->concerns || loss->concerns(key, loss->arg))
			begin_posting(&loss->posting, key, loss->number);
	}
	return false;
}

/* Continues the walk for LOSS until UNTIL_NS. True: it has ended. Zombies come last: keys that
 * are destroyed meanwhile are then among them. */
static bool walk(struct wq_losses *l, struct wq_owed *loss, uint64_t until_ns)
{
	if (!loss->walking) {
		loss->walking = true;
		loss->at_zombies = false;
		loss->number = ++l->number;
		wq_cursor_begin(l->registry, &loss->cursor);
	}
	if (!loss->at_zombies) {
		if (!walk_list(loss, until_ns))
			return false;
		loss->at_zombies = true;
		wq_cursor_begin_zombies(l->registry, &loss->cursor);
	}
	if (!walk_list(loss, until_ns))
		return false;
	loss->walking = false;
	return true;
}

/* The same, paid for by LOSS's payer. */
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

static void drop(const struct wq_losses *l, struct wq_owed *loss)
{
	if (loss != &l->everybodys)
		free(loss);
}

/* LOSS has been posted. If there was another one since the walk began, that is owed now. */
static void posted(struct wq_losses *l, struct wq_owed *loss)
{
	if (!loss->again) {
		drop(l, loss);
		return;
	}
	loss->again = false;
	loss->found_scan = loss->again_scan;
	append(l, loss);
}

void wq_losses_step(struct wq_losses *l)
{
	uint64_t until = wq_now_ns() + WQ_PIECE_NS;

	for (unsigned int n = l->n; n && wq_now_ns() < until; n--) {
		struct wq_owed *loss = take_first(l);

		if (walk_and_pay(l, loss, until))
			posted(l, loss);
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

static unsigned int count_of(const struct wq_losses *l, uid_t payer)
{
	unsigned int n = 0;

	for (const struct wq_owed *loss = l->first; loss; loss = loss->next)
		n += loss->concerns && loss->payer == payer;
	return n;
}

/* OLD is owed already. */
static void merge(struct wq_owed *old, uint64_t found_scan)
{
	if (!old->walking || old->again)
		return;
	old->again = true;
	old->again_scan = found_scan;
}

static void list(struct wq_losses *l, struct wq_owed *loss, uint64_t due_ns)
{
	if (!l->timer.set || due_ns < l->timer.due_ns)
		wq_timer_set(l->loop, &l->timer, due_ns);
	loss->found_scan = l->registry->found_scan;
	append(l, loss);
}

/* Owes LOSS; frees it if it can be merged with another. False: it cannot, and
 * there is no room. */
static bool owe(struct wq_losses *l, struct wq_owed *loss, wq_loss_widen *widen)
{
	struct wq_owed *old = find(l, loss);

	if (!old && widen && count_of(l, loss->payer) >= OWED_BY_ONE) {
		widen(loss->arg);
		old = find(l, loss);
	}
	if (!old && l->n >= OWED_MAX)
		return false;
	if (!old) {
		list(l, loss, wq_now_ns() + AGAIN_NS);
		return true;
	}
	merge(old, l->registry->found_scan);
	free(loss);
	return true;
}

static void owe_everybody(struct wq_losses *l)
{
	if (l->everybodys.listed)
		merge(&l->everybodys, l->registry->found_scan);
	else
		list(l, &l->everybodys, 0);
}

void wq_losses_owe(struct wq_losses *l, wq_loss_concerns *concerns, const void *arg,
	size_t size, uid_t payer, wq_loss_widen *widen)
{
	struct wq_owed *loss = calloc(1, sizeof(*loss) + size);

	if (loss) {
		loss->concerns = concerns;
		loss->payer = payer;
		loss->size = size;
		loss->arg = loss + 1;
		memcpy(loss->arg, arg, size);
		if (owe(l, loss, widen))
			return;
		free(loss);
	}
	owe_everybody(l);
}

void wq_losses_post_all(struct wq_losses *l)
{
	wq_debug_keys("LOSS for all who watch anything");
	if (l->everybodys.listed || !walk(l, &l->everybodys, wq_now_ns() + WQ_PIECE_NS))
		owe_everybody(l);
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
		if (loss->posting.list)
			wq_posting_cancel(&loss->posting);
		drop(l, loss);
	}
	wq_timer_clear(l->loop, &l->timer);
}
