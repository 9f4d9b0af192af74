/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A producer that is not about keys, from its events to its readers: thermometers, all on one
 * watch list, as Documentation/core-api/watch_queue.rst describes device events. What they
 * measure comes from a source of its own through a sink and an event order, as what is done to
 * keys does, or is posted directly. It knows only queue.h and sources/ of wqfs, and has a rule
 * of its own about who may get what.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "queue.h"
#include "record/record_json.h"
#include "run.h"
#include "sources/supervisor.h"

#define NOW UINT64_MAX

/* ---- the producer ---- */

#define TYPE_TEST (WATCH_TYPE_META + 0x7e57u)

enum { TEST_COLD, TEST_WARM };

#define TEST_PRIVATE WATCH_INFO_FLAG_0 /* only for the user whom it concerns */

struct test_notification {
	struct watch_notification watch;
	unsigned char degrees[3]; /* not a whole number of words */
};

struct test_watch {
	struct wq_watch watch;
	struct wq_cred cred; /* of the process that set it */
};

static struct wq_watch_list thermometers;
static int released;

static void test_release(struct wq_watch *watch)
{
	released++;
	free(wq_container_of(watch, struct test_watch, watch));
}

static int test_watch_add(
	struct wq_queue *queue, uint64_t thermometer, unsigned int id, uid_t uid)
{
	struct test_watch *w = calloc(1, sizeof(*w));
	int r;

	ck_assert_ptr_nonnull(w);
	wq_watch_init(&w->watch, queue);
	w->watch.id = thermometer;
	w->watch.info_id = id << WATCH_INFO_ID__SHIFT;
	w->cred = (struct wq_cred){.pid = 1, .uid = uid};
	r = wq_watch_add(&w->watch, &thermometers);
	if (r < 0)
		free(w);
	return r;
}

/* THERMOMETER has changed. WHO did it; NULL: unknown. */
static void test_notify(uint64_t thermometer, unsigned int subtype, unsigned int flags,
	const struct wq_cred *who)
{
	const struct test_notification n = {
		.watch = {.type = TYPE_TEST,
			.subtype = subtype,
			.info = flags | (offsetof(struct test_notification, degrees) +
						sizeof(n.degrees))},
		.degrees = {0x0a, 0xb0, 0xc1},
	};

	ck_assert_int_eq(wq_post(&thermometers, &n.watch, who, thermometer, NOW), 0);
}

/* The equivalent of security_post_notification(): only the poster's user may get a private
 * record. If the poster is unknown so is the user whom it concerns. */
static bool test_may_post(struct wq_queue *queue, const struct wq_watch *watch,
	const struct wq_cred *who, const struct watch_notification *n)
{
	const struct test_watch *w = wq_container_of(watch, const struct test_watch, watch);

	ck_assert_ptr_eq(watch->queue, queue);
	ck_assert_uint_eq(n->info & WATCH_INFO_ID, watch->info_id);
	if (n->type != TYPE_TEST || !(n->info & TEST_PRIVATE))
		return true;
	return who && who->uid == w->cred.uid;
}

/* ---- its source ---- */

static struct {
	struct wq_source source;
	struct wq_source_env env;
	bool works;
	int drained; /* the result of drain() */
} probe;

static int probe_drain(struct wq_source *source)
{
	ck_assert_ptr_eq(source, &probe.source);
	wq_event_order_complete(probe.env.events, UINT64_MAX);
	return probe.drained;
}

static bool probe_alive(struct wq_source *source)
{
	ck_assert_ptr_eq(source, &probe.source);
	return probe.works;
}

static void probe_stop(struct wq_source *source)
{
	ck_assert_ptr_eq(source, &probe.source);
}

static struct wq_source *probe_start(const struct wq_source_env *env, char *why, size_t size);

static const struct wq_source_type probe_type = {
	.name = "test",
	.capabilities = WQ_SOURCE_CHANGES | WQ_SOURCE_IDENTITY,
	.start = probe_start,
	.drain = probe_drain,
	.alive = probe_alive,
	.stop = probe_stop,
};

static struct wq_source *probe_start(const struct wq_source_env *env, char *why, size_t size)
{
	if (!probe.works) {
		snprintf(why, size, "no thermometer answers");
		return NULL;
	}
	probe.source.type = &probe_type;
	probe.env = *env;
	probe.drained = 0;
	return &probe.source;
}

/* A measurement at AT_NS, which WHO has caused. */
static void measured(uint64_t at_ns, int32_t thermometer, unsigned int subtype,
	unsigned int flags, const struct wq_cred *who)
{
	const struct wq_change change = {.serial = thermometer,
		.subtype = (uint8_t)subtype,
		.aux = flags,
		.who = *who,
		.at_ns = at_ns};

	wq_event_order_change(probe.env.events, &change);
}

static struct wq_event_order events;
static struct wq_supervisor supervisor;

/* The sink's callback: everything that the source has read becomes records. */
static void test_ready(void *arg)
{
	struct wq_source *source = supervisor.source;
	struct wq_event e;
	int r;

	ck_assert_ptr_eq(arg, &events);
	r = source->type->drain(source);
	while (r == 0 && wq_event_order_take(&events, &e)) {
		const struct wq_watch *w;

		ck_assert(e.kind == WQ_EVENT_CHANGE || e.kind == WQ_EVENT_LOST);
		if (e.kind == WQ_EVENT_CHANGE)
			test_notify((uint64_t)e.change.serial, e.change.subtype, e.change.aux,
				&e.change.who);
		else
			LIST_FOREACH (w, &thermometers.watchers, list_node)
				wq_queue_note_loss(w->queue);
	}
	if (r < 0)
		wq_supervisor_died(&supervisor, strerror(-r));
}

static void start_source(void)
{
	static const struct wq_source_type *const types[] = {&probe_type, NULL};
	const struct wq_source_env env = {
		.events = &events, .sink = {.arg = &events, .ready = test_ready}};

	probe.works = true;
	wq_supervisor_init(&supervisor, types, &env);
	ck_assert(wq_supervisor_start(&supervisor));
}

static void probe_ready(void)
{
	probe.env.sink.ready(probe.env.sink.arg);
}

/* ---- its readers ---- */

static const struct wq_queue_ops ops = {.may_post = test_may_post};

static struct wq_queue *new_queue(void)
{
	struct wq_queue *q = wq_queue_new(&ops, NULL, NULL);

	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(wq_queue_set_size(q, 32), 0);
	return q;
}

/* Reads all of Q. Raw bytes have no NUL after them. */
static size_t read_all(struct wq_queue *q, enum wqfs_format format, char *buf, size_t size)
{
	struct wq_take take;
	ssize_t n = wq_queue_peek(q, format, buf, size - 1, &take);

	if (n == -EAGAIN)
		n = 0;
	else
		wq_queue_consume(q, &take);
	ck_assert_int_ge(n, 0);
	buf[n] = '\0';
	return (size_t)n;
}

/* Checks all of Q, in text. */
static void check_text(int line, struct wq_queue *q, const char *want)
{
	char got[4096];

	read_all(q, WQFS_FORMAT_TEXT, got, sizeof(got));
	ck_assert_msg(!strcmp(got, want), "line %d: \"%s\", not \"%s\"", line, got, want);
}

#define HAS(q, text) check_text(__LINE__, q, text)

#define COLD(id)    "type 32343.0 len=11 id=" #id " body=0ab0c1\n"
#define WARM(id)    "type 32343.1 len=11 id=" #id " body=0ab0c1\n"
#define PRIVATE(id) "type 32343.1 len=11 id=" #id " flags=0x1 body=0ab0c1\n"

static struct wqfs_stats stats(const struct wq_queue *q)
{
	struct wqfs_stats s = {0};

	wq_queue_stats(q, &s);
	return s;
}

static void set_up(void)
{
	wq_watch_list_init(&thermometers, test_release);
	released = 0;
}

/* ---- tests ---- */

START_TEST(record_reaches_those_who_watch_its_object)
{
	struct wq_queue *a = new_queue(), *b = new_queue();

	ck_assert_int_eq(test_watch_add(a, 1, 11, 0), 0);
	ck_assert_int_eq(test_watch_add(a, 2, 12, 0), 0);
	ck_assert_int_eq(test_watch_add(b, 2, 22, 0), 0);
	ck_assert_int_eq(test_watch_add(b, 2, 23, 0), -EBUSY);
	test_notify(1, TEST_COLD, 0, NULL);
	test_notify(2, TEST_WARM, 0, NULL);
	test_notify(3, TEST_WARM, 0, NULL);
	HAS(a, COLD(11) WARM(12));
	HAS(b, WARM(22));
	wq_queue_put(a);
	wq_queue_put(b);
	ck_assert_int_eq(released, 3);
}
END_TEST

START_TEST(hook_refuses_by_who_set_the_watch_and_who_posts)
{
	const struct wq_cred ann = {.pid = 7, .uid = 1001, .comm = "heater"};
	struct wq_queue *anns = new_queue(), *bobs = new_queue();

	ck_assert_int_eq(test_watch_add(anns, 1, 1, 1001), 0);
	ck_assert_int_eq(test_watch_add(bobs, 1, 2, 1002), 0);
	test_notify(1, TEST_WARM, TEST_PRIVATE, &ann);
	test_notify(1, TEST_COLD, 0, &ann);
	test_notify(1, TEST_WARM, TEST_PRIVATE, NULL);
	HAS(anns, PRIVATE(1) COLD(1));
	HAS(bobs, COLD(2));
	/* a refusal is no loss, and not counted as filtered */
	ck_assert_uint_eq(stats(bobs).lost, 0);
	ck_assert_uint_eq(stats(bobs).filtered, 0);
	ck_assert_uint_eq(stats(bobs).posted, 1);
	wq_queue_put(anns);
	wq_queue_put(bobs);
}
END_TEST

START_TEST(one_queue_may_be_let_in_by_one_watch_and_not_by_another)
{
	const struct wq_cred ann = {.pid = 7, .uid = 1001};
	struct wq_queue *q = new_queue();

	ck_assert_int_eq(test_watch_add(q, 1, 1, 1001), 0);
	ck_assert_int_eq(test_watch_add(q, 2, 2, 1002), 0);
	test_notify(1, TEST_WARM, TEST_PRIVATE, &ann);
	test_notify(2, TEST_WARM, TEST_PRIVATE, &ann);
	HAS(q, PRIVATE(1));
	wq_queue_put(q);
}
END_TEST

START_TEST(removal_of_one_watch_is_posted_to_its_queue_alone)
{
	struct wq_queue *a = new_queue(), *b = new_queue();

	ck_assert_int_eq(test_watch_add(a, 1, 1, 0), 0);
	ck_assert_int_eq(test_watch_add(a, 2, 2, 0), 0);
	ck_assert_int_eq(test_watch_add(b, 1, 3, 0), 0);
	ck_assert_int_eq(wq_watch_remove(&thermometers, a, 1, false), 0);
	ck_assert_int_eq(wq_watch_remove(&thermometers, a, 1, false), -EBADSLT);
	ck_assert_int_eq(released, 1);
	test_notify(1, TEST_COLD, 0, NULL);
	test_notify(2, TEST_COLD, 0, NULL);
	HAS(a, "1 gc\n" COLD(2));
	HAS(b, COLD(3));
	wq_queue_put(a);
	wq_queue_put(b);
}
END_TEST

START_TEST(removal_of_all_is_posted_to_each_queue_and_to_nobody_after_it)
{
	struct wq_queue *a = new_queue(), *b = new_queue();
	char raw[64];

	ck_assert_int_eq(test_watch_add(a, 1, 1, 0), 0);
	ck_assert_int_eq(test_watch_add(b, 1, 2, 0), 0);
	ck_assert_int_eq(test_watch_add(b, 2, 3, 0), 0);
	ck_assert_int_eq(wq_watch_remove(&thermometers, NULL, 0, true), 0);
	ck_assert_int_eq(released, 3);
	ck_assert(wq_watch_list_empty(&thermometers));
	test_notify(1, TEST_COLD, 0, NULL);
	/* it concerns all objects, so it names none */
	ck_assert_uint_eq(read_all(a, WQFS_FORMAT_RAW, raw, sizeof(raw)), 8);
	HAS(b, "0 gc\n0 gc\n");
	ck_assert_int_eq(wq_watch_remove(&thermometers, NULL, 0, true), -EBADSLT);
	wq_queue_put(a);
	wq_queue_put(b);
}
END_TEST

/* A producer that works for a queue holds a reference, as from the
 * kernel's get_watch_queue(). */
START_TEST(queue_that_a_producer_holds_outlives_its_reader)
{
	struct wq_queue *q = new_queue(), *held = wq_queue_get(q);

	ck_assert_ptr_eq(held, q);
	wq_queue_put(q); /* the reader closes it */
	ck_assert_int_eq(test_watch_add(held, 1, 1, 0), 0);
	test_notify(1, TEST_COLD, 0, NULL);
	ck_assert_uint_eq(stats(held).queued, 1);
	ck_assert_int_eq(released, 0);
	wq_queue_put(held);
	ck_assert_int_eq(released, 1);
	ck_assert(wq_watch_list_empty(&thermometers));
	test_notify(1, TEST_COLD, 0, NULL);
}
END_TEST

START_TEST(record_is_given_as_bytes_text_and_json)
{
	const struct wq_cred ann = {.pid = 7, .uid = 1001, .gid = 100, .comm = "heater"};
	struct wq_queue *q = new_queue();
	struct test_notification n;
	struct wq_record r;
	char buf[1024];
	const char *after;

	ck_assert_int_eq(test_watch_add(q, 1, 9, 1001), 0);
	for (int i = 0; i < 2; i++)
		test_notify(1, TEST_WARM, TEST_PRIVATE, &ann);
	/* the record of 11 bytes, and the next one right after it */
	ck_assert_uint_eq(read_all(q, WQFS_FORMAT_RAW, buf, sizeof(buf)), 22);
	memcpy(&n, buf + 11, 11);
	ck_assert(n.watch.type == TYPE_TEST && n.watch.subtype == TEST_WARM);
	ck_assert_uint_eq(n.watch.info, 11u | 9u << WATCH_INFO_ID__SHIFT | TEST_PRIVATE);
	ck_assert_mem_eq(n.degrees, "\x0a\xb0\xc1", 3);

	test_notify(1, TEST_WARM, TEST_PRIVATE, &ann);
	HAS(q, PRIVATE(9));

	test_notify(1, TEST_WARM, TEST_PRIVATE, &ann);
	read_all(q, WQFS_FORMAT_JSON, buf, sizeof(buf));
	after = strstr(buf, "Z\",");
	ck_assert_ptr_nonnull(after);
	ck_assert_str_eq(after + 3,
		"\"type\":32343,\"subtype\":1,\"id\":9,\"body\":\"0ab0c1\",\"flags\":1,"
		"\"who\":{\"pid\":7,\"uid\":1001,\"gid\":100,\"comm\":\"heater\"}}\n");
	ck_assert_int_eq(wq_record_from_json(&r, buf, strlen(buf) - 1), 0);
	ck_assert_uint_eq(r.len, 11);
	ck_assert_mem_eq(r.data, &n, 11);
	wq_queue_put(q);
}
END_TEST

START_TEST(filter_lets_no_type_in_that_the_kernel_has_not)
{
	struct wq_queue *q = new_queue();
	struct wqfs_filter words;
	struct wq_filter filter;
	char why[200];

	ck_assert_int_eq(wq_filter_from_text(&words, "32343", why, sizeof(why)), 0);
	ck_assert_int_eq(wq_filter_parse(&filter, &words, sizeof(words)), 0);
	ck_assert_int_eq(wq_queue_set_filter(q, &filter), 0);
	ck_assert_int_eq(test_watch_add(q, 1, 1, 0), 0);
	test_notify(1, TEST_COLD, 0, NULL);
	HAS(q, "");
	ck_assert_uint_eq(stats(q).filtered, 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(queue_takes_records_of_two_producers_in_their_order)
{
	const struct key_notification linked = {
		{WATCH_TYPE_KEY_NOTIFY, NOTIFY_KEY_LINKED, sizeof(linked)}, 123, 456};
	struct wq_queue *q = new_queue();
	struct wq_watch_list key;
	struct wq_watch w;

	wq_watch_list_init(&key, NULL);
	wq_watch_init(&w, q);
	w.id = 1; /* the same as the thermometer's; but another list means another object */
	w.info_id = 2 << WATCH_INFO_ID__SHIFT;
	ck_assert_int_eq(wq_watch_add(&w, &key), 0);
	ck_assert_int_eq(test_watch_add(q, 1, 1, 0), 0);
	test_notify(1, TEST_COLD, 0, NULL);
	ck_assert_int_eq(wq_post(&key, &linked.watch, NULL, 1, NOW), 0);
	test_notify(1, TEST_WARM, 0, NULL);
	HAS(q, COLD(1) "123 link 456\n" WARM(1));
	wq_watch_list_remove(&key, 123);
	HAS(q, "123 gc\n");
	test_notify(1, TEST_WARM, 0, NULL);
	HAS(q, WARM(1));
	wq_queue_put(q);
}
END_TEST

START_TEST(what_its_source_reports_comes_in_its_order_and_past_its_hook)
{
	const struct wq_cred ann = {.pid = 7, .uid = 1001, .comm = "heater"};
	struct wq_queue *anns = new_queue(), *bobs = new_queue();

	start_source();
	ck_assert_int_eq(test_watch_add(anns, 1, 1, 1001), 0);
	ck_assert_int_eq(test_watch_add(bobs, 1, 2, 1002), 0);
	measured(20, 1, TEST_COLD, 0, &ann);
	measured(10, 1, TEST_WARM, TEST_PRIVATE, &ann);
	measured(30, 2, TEST_WARM, 0, &ann);
	probe_ready();
	HAS(anns, PRIVATE(1) COLD(1));
	HAS(bobs, COLD(2));
	wq_event_order_lose(&events, 40, WQ_LOST_OVERFLOW);
	probe_ready();
	measured(50, 1, TEST_WARM, 0, &ann);
	probe_ready();
	HAS(anns, "-- LOSS --\n" WARM(1));
	HAS(bobs, "-- LOSS --\n" WARM(2));
	wq_supervisor_stop(&supervisor);
	wq_queue_put(anns);
	wq_queue_put(bobs);
}
END_TEST

START_TEST(its_source_is_supervised_as_any)
{
	start_source();
	ck_assert_str_eq(wq_supervisor_name(&supervisor), "test");
	probe.drained = -EIO;
	probe_ready();
	probe.works = false;
	ck_assert_int_eq(wq_supervisor_check(&supervisor, 1, NULL), WQ_SUPERVISOR_NONE);
	ck_assert_str_eq(wq_supervisor_why_not(&supervisor), "test: no thermometer answers");
	probe.works = true;
	ck_assert_int_eq(
		wq_supervisor_check(&supervisor, UINT64_MAX, NULL), WQ_SUPERVISOR_BACK);
	wq_supervisor_stop(&supervisor);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("second producer");
	TCase *tcase = tcase_create("second producer");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, record_reaches_those_who_watch_its_object);
	tcase_add_test(tcase, hook_refuses_by_who_set_the_watch_and_who_posts);
	tcase_add_test(tcase, one_queue_may_be_let_in_by_one_watch_and_not_by_another);
	tcase_add_test(tcase, removal_of_one_watch_is_posted_to_its_queue_alone);
	tcase_add_test(tcase, removal_of_all_is_posted_to_each_queue_and_to_nobody_after_it);
	tcase_add_test(tcase, queue_that_a_producer_holds_outlives_its_reader);
	tcase_add_test(tcase, record_is_given_as_bytes_text_and_json);
	tcase_add_test(tcase, filter_lets_no_type_in_that_the_kernel_has_not);
	tcase_add_test(tcase, what_its_source_reports_comes_in_its_order_and_past_its_hook);
	tcase_add_test(tcase, its_source_is_supervised_as_any);
	tcase_add_test(tcase, queue_takes_records_of_two_producers_in_their_order);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
