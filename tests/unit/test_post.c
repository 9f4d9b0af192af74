/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records and losses on their way from a key to its watches. */
#include <stdio.h>
#include <string.h>

#include "keys/apply.h"
#include "base/budget.h"
#include "keys/post.h"
#include "run.h"

static struct wq_model model;
static struct wq_key key;
static struct wq_watch watch;
static struct wq_queue *queue;

static void woken(struct wq_queue *q)
{
	(void)q;
}

static const struct wq_queue_ops ops = {.wake = woken};

static void set_up(void)
{
	memset(&model, 0, sizeof(model));
	memset(&key, 0, sizeof(key));
	wq_registry_init(&model.registry);
	model.loop = wq_loop_new();
	model.losses.registry = &model.registry;
	model.losses.inferring = &model.inferring;
	model.losses.loop = model.loop;
	model.outbox.loop = model.loop;
	queue = wq_queue_new(&ops, NULL, NULL);
	ck_assert_int_eq(wq_queue_set_size(queue, 32), 0);
	key.model = &model;
	key.serial = 7;
	key.state.describe = strdup("user;0;0;3f010000;a");
	wq_watch_list_init(&key.watchers, NULL);
	ck_assert_int_eq(wq_registry_add(&model.registry, &key), 0);
	wq_watch_init(&watch, queue);
	watch.id = 7;
	ck_assert_int_eq(wq_watch_add(&watch, &key.watchers), 0);
}

static void tear_down(void)
{
	wq_losses_fini(&model.losses);
	wq_outbox_fini(&model.outbox);
	wq_loop_free(model.loop);
	wq_watch_remove(&key.watchers, queue, 7, false);
	wq_queue_put(queue);
	wq_registry_remove(&model.registry, &key);
	wq_key_state_fini(&key.state);
}

/* The header of the next record of the queue. */
static struct watch_notification next(void)
{
	struct watch_notification n = {0};
	char record[WQFS_RECORD_MAX];
	struct wq_take take;

	ck_assert_int_ge(wq_queue_peek(queue, WQFS_FORMAT_RAW, record, sizeof(record), &take),
		(ssize_t)sizeof(n));
	memcpy(&n, record, sizeof(n));
	wq_queue_consume(queue, &take);
	return n;
}

START_TEST(a_difference_is_posted_and_noted)
{
	wq_apply_difference(&key, NOTIFY_KEY_UPDATED, 0);
	ck_assert_uint_eq(next().subtype, NOTIFY_KEY_UPDATED);
	ck_assert(wq_ledger_claim(&model.ledger, 7, NOTIFY_KEY_UPDATED, 0, 0));
	ck_assert(!wq_ledger_claim(&model.ledger, 7, NOTIFY_KEY_UPDATED, 0, 0));
}
END_TEST

/* Its REMOVAL is deferred until earlier changes have been posted. */
START_TEST(loss_is_posted_to_who_watches_only_what_has_ended)
{
	wq_model_destroyed(&key);
	ck_assert_ptr_null(TAILQ_FIRST(&model.registry.all));
	wq_losses_post_all(&model.losses);
	ck_assert_uint_eq(next().subtype, WATCH_META_LOSS_NOTIFICATION);
}
END_TEST

static bool is_none(const struct wq_key *k, const void *arg)
{
	(void)k;
	(void)arg;
	return false;
}

START_TEST(loss_is_posted_to_nobody_whom_it_does_not_concern)
{
	ck_assert(wq_losses_post(&model.losses, is_none, NULL, UINT64_MAX));
	ck_assert(!wq_queue_readable(queue));
}
END_TEST

static bool is_any(const struct wq_key *k, const void *arg)
{
	(void)k;
	(void)arg;
	return true;
}

/* However many there were before it was posted. */
START_TEST(loss_that_is_owed_is_posted_once_when_its_payer_has_a_share)
{
	const uid_t payer = 1000;
	struct wq_losses *losses = &model.losses;

	for (int i = 0; i < 1000; i++)
		wq_losses_owe(losses, is_any, "a", 2, payer, NULL);
	wq_losses_owe(losses, is_any, "b", 2, payer, NULL);
	ck_assert_uint_eq(losses->n, 2);
	ck_assert(!wq_losses_are_settled(losses, model.registry.found_scan));
	ck_assert(wq_shares_left(&model.inferring, payer, wq_now_ns()));
	wq_shares_spend(&model.inferring, payer, WQ_BUDGET_NS); /* all until this window ends */
	wq_losses_step(losses);
	ck_assert(!wq_queue_readable(queue));
	memset(&model.inferring, 0, sizeof(model.inferring));
	while (losses->n > 0) /* a step has a limit of time */
		wq_losses_step(losses);
	ck_assert_uint_eq(next().subtype, WATCH_META_LOSS_NOTIFICATION);
	ck_assert(!wq_queue_readable(queue));
	ck_assert_uint_eq(losses->n, 0);
	ck_assert(wq_losses_are_settled(losses, model.registry.found_scan));
}
END_TEST

static void become_x(void *arg)
{
	memcpy(arg, "xxx", 4);
}

/* Owes what concerns the queue, for N reasons that differ. Each is posted in slices. */
static void owe_different(int n, uid_t payer, wq_loss_widen *to_x)
{
	for (int i = 0; i < n; i++) {
		char reason[16];

		snprintf(reason, sizeof(reason), "%03d", i);
		wq_losses_owe(&model.losses, is_any, reason, 4, payer, to_x);
	}
	ck_assert(!wq_queue_readable(queue));
}

static void post_what_is_owed(void)
{
	while (model.losses.n > 0)
		wq_losses_step(&model.losses);
}

START_TEST(loss_for_many_reasons_of_one_user_is_widened)
{
	owe_different(1000, 1000, become_x);
	ck_assert_uint_lt(model.losses.n, 20);
	post_what_is_owed();
	ck_assert_uint_eq(next().subtype, WATCH_META_LOSS_NOTIFICATION);
	ck_assert(!wq_queue_readable(queue));
}
END_TEST

static bool is_small(const struct wq_key *k, const void *arg)
{
	return k->serial < *(const int *)arg;
}

START_TEST(loss_for_very_many_reasons_is_everybodys)
{
	for (uid_t payer = 1000; payer < 2000; payer++) {
		const int small = 1;

		wq_losses_owe(&model.losses, is_small, &small, sizeof(small), payer, NULL);
	}
	ck_assert_uint_lt(model.losses.n, 300);
	post_what_is_owed();
	ck_assert_uint_eq(next().subtype, WATCH_META_LOSS_NOTIFICATION);
}
END_TEST

#define MANY 5000

static struct wq_watch many_watches[MANY];
static struct wq_queue *many_queues[MANY];

/* So many more queues watch the key. */
static void watch_by_many(void)
{
	for (int i = 0; i < MANY; i++) {
		many_queues[i] = wq_queue_new(&ops, NULL, NULL);
		ck_assert_int_eq(wq_queue_set_size(many_queues[i], 8), 0);
		wq_watch_init(&many_watches[i], many_queues[i]);
		many_watches[i].id = 7;
		ck_assert_int_eq(wq_watch_add(&many_watches[i], &key.watchers), 0);
	}
}

/* How many of them have a record, or a LOSS, of SUBTYPE? */
static int have(unsigned int subtype)
{
	int n = 0;

	for (int i = 0; i < MANY; i++) {
		union {
			struct watch_notification n;
			char bytes[WQFS_RECORD_MAX];
		} r;
		struct wq_take take;

		n += wq_queue_peek(many_queues[i], WQFS_FORMAT_RAW, &r, sizeof(r), &take) > 0 &&
		     r.n.type == WATCH_TYPE_META && r.n.subtype == subtype;
	}
	return n;
}

static void close_many(void)
{
	for (int i = 0; i < MANY; i++)
		wq_queue_put(many_queues[i]);
}

START_TEST(the_end_of_a_key_of_thousands_of_queues_takes_turns)
{
	const struct wq_destroyed destroyed = {.serial = 7, .at_ns = UINT64_MAX};

	watch_by_many();
	wq_apply_destroyed(&model, &destroyed);
	ck_assert_int_gt(have(WATCH_META_REMOVAL_NOTIFICATION), 0);
	ck_assert_int_lt(have(WATCH_META_REMOVAL_NOTIFICATION), 100);
	ck_assert(model.zombies_timer.set);
	wq_timer_clear(model.loop, &model.zombies_timer);
	close_many();
}
END_TEST

START_TEST(loss_for_thousands_of_queues_takes_turns)
{
	struct wq_losses *losses = &model.losses;
	unsigned int turns = 0;

	watch_by_many();
	wq_model_destroyed(&key);
	ck_assert(!wq_losses_post(losses, is_any, NULL, 0));
	ck_assert_int_lt(have(WATCH_META_LOSS_NOTIFICATION), 100);
	for (uid_t payer = 1000; payer < 1300; payer++)
		wq_losses_owe(losses, is_any, "a", 2, payer, NULL);
	ck_assert_int_lt(have(WATCH_META_LOSS_NOTIFICATION), 100);
	do {
		wq_losses_step(losses);
		turns++;
	} while (losses->n && turns < MANY);
	ck_assert_int_eq(have(WATCH_META_LOSS_NOTIFICATION), MANY);
	close_many();
}
END_TEST

START_TEST(loss_of_a_key_of_thousands_of_queues_takes_turns)
{
	watch_by_many();
	wq_post_key_loss(&key);
	ck_assert_int_lt(have(WATCH_META_LOSS_NOTIFICATION), 100);
	while (!wq_outbox_step(&model.outbox, 0))
		;
	ck_assert_int_eq(have(WATCH_META_LOSS_NOTIFICATION), MANY);
	close_many();
}
END_TEST

START_TEST(cursors_step_over_a_key_that_leaves)
{
	struct wq_key_cursor c = {0};

	wq_cursor_begin(&model.registry, &c);
	wq_model_destroyed(&key);
	ck_assert_ptr_null(wq_cursor_next(&c));
	ck_assert(LIST_EMPTY(&model.registry.cursors));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("post");
	TCase *t = tcase_create("post");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_difference_is_posted_and_noted);
	tcase_add_test(t, loss_is_posted_to_who_watches_only_what_has_ended);
	tcase_add_test(t, loss_is_posted_to_nobody_whom_it_does_not_concern);
	tcase_add_test(t, loss_that_is_owed_is_posted_once_when_its_payer_has_a_share);
	tcase_add_test(t, loss_for_many_reasons_of_one_user_is_widened);
	tcase_add_test(t, loss_for_very_many_reasons_is_everybodys);
	tcase_add_test(t, the_end_of_a_key_of_thousands_of_queues_takes_turns);
	tcase_add_test(t, loss_for_thousands_of_queues_takes_turns);
	tcase_add_test(t, loss_of_a_key_of_thousands_of_queues_takes_turns);
	tcase_add_test(t, cursors_step_over_a_key_that_leaves);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
