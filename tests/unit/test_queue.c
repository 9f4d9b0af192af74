/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watch queue API for a producer that does not know keys: it has types of its own, records
 * of every length, and a watch list of its own.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/array_size.h"
#include "base/log.h"
#include "base/unused.h"
#include "queue.h"
#include "run.h"

#define NOW UINT64_MAX

/* A type that no filter of the kernel knows, because the producer is not the kernel. */
#define TYPE_DOOR 0xd00u

union record {
	struct watch_notification n;
	unsigned char raw[WQFS_RECORD_MAX];
};

static struct wq_watch_list doors; /* empty when a test begins */
static int released;
static struct wq_watch *last_released;
static int wakes, visited;

static void release(struct wq_watch *watch)
{
	released++;
	last_released = watch;
	free(watch);
}

static void wake(struct wq_queue *queue WQ_UNUSED)
{
	wakes++;
}

static const struct wq_queue_ops ops = {.wake = wake};

static struct wq_queue *unsized_queue(void)
{
	struct wq_queue *q = wq_queue_new(&ops, NULL, NULL);

	ck_assert_ptr_nonnull(q);
	return q;
}

static struct wq_queue *sized_queue(unsigned long size)
{
	struct wq_queue *q = unsized_queue();

	ck_assert_int_eq(wq_queue_set_size(q, size), 0);
	return q;
}

/* A queue as a mount makes it. */
static struct wq_queue *default_sized_queue(unsigned long size)
{
	struct wq_queue *q = unsized_queue();

	ck_assert_int_eq(wq_queue_set_default_size(q, size), 0);
	return q;
}

static struct wq_watch *new_watch(struct wq_queue *q, uint64_t object, unsigned int id)
{
	struct wq_watch *w = malloc(sizeof(*w));

	ck_assert_ptr_nonnull(w);
	wq_watch_init(w, q);
	w->id = object;
	w->info_id = id << WATCH_INFO_ID__SHIFT;
	return w;
}

static struct wq_watch *watch(struct wq_queue *q, uint64_t object, unsigned int id)
{
	struct wq_watch *w = new_watch(q, object, id);

	ck_assert_int_eq(wq_watch_add(w, &doors), 0);
	return w;
}

/* Makes Q watch door 1 with the id 1. */
static struct wq_queue *watching(struct wq_queue *q)
{
	watch(q, 1, 1);
	return q;
}

/* A record of LEN bytes whose body has N in every byte. */
static union record door(unsigned int subtype, size_t len, unsigned char n)
{
	union record r;

	memset(&r, n, sizeof(r));
	r.n.type = TYPE_DOOR;
	r.n.subtype = subtype;
	r.n.info = (__u32)len;
	return r;
}

/* Posts N records of 16 bytes at door 1; the first has FIRST in every byte. */
static void post_from(unsigned char first, int n)
{
	for (int i = 0; i < n; i++) {
		union record r = door(1, 16, (unsigned char)(first + i));

		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, NOW), 0);
	}
}

static void post_times(int n)
{
	post_from(0, n);
}

static ssize_t take(struct wq_queue *q, void *buf, size_t size)
{
	struct wq_take t;
	ssize_t n = wq_queue_peek(q, WQFS_FORMAT_RAW, buf, size, &t);

	if (n > 0)
		wq_queue_consume(q, &t);
	return n;
}

static struct wqfs_stats stats(const struct wq_queue *q)
{
	struct wqfs_stats s = {0};

	wq_queue_stats(q, &s);
	return s;
}

struct want {
	unsigned int type, subtype;
	size_t len;
	unsigned int id;
};

#define DOOR(subtype, len, id)              \
	{                                   \
		TYPE_DOOR, subtype, len, id \
	}
#define LOSS                                                        \
	{                                                           \
		WATCH_TYPE_META, WATCH_META_LOSS_NOTIFICATION, 8, 0 \
	}
#define REMOVAL(len, id)                                                  \
	{                                                                 \
		WATCH_TYPE_META, WATCH_META_REMOVAL_NOTIFICATION, len, id \
	}

static void check_header(int line, const void *at, const struct want *want)
{
	struct watch_notification n;

	memcpy(&n, at, sizeof(n));
	ck_assert_msg(n.type == want->type && n.subtype == want->subtype,
		"line %d: a record of type %u.%u, not %u.%u", line, n.type, n.subtype,
		want->type, want->subtype);
	ck_assert_msg((n.info & WATCH_INFO_LENGTH) == want->len, "line %d: length %u, not %zu",
		line, n.info & WATCH_INFO_LENGTH, want->len);
	ck_assert_msg((n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT == want->id,
		"line %d: id %u, not %u", line,
		(n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT, want->id);
}

static void check_read(int line, struct wq_queue *q, const struct want *want, size_t nr)
{
	unsigned char buf[1024];
	size_t len = 0;
	ssize_t got = take(q, buf, sizeof(buf));

	for (size_t i = 0; i < nr; i++)
		len += want[i].len;
	ck_assert_msg(
		got == (ssize_t)len, "line %d: a read gives %zd, not %zu", line, got, len);
	len = 0;
	for (size_t i = 0; i < nr; i++) {
		check_header(line, buf + len, &want[i]);
		len += want[i].len;
	}
}

/* Checks that the next read returns exactly these. */
#define READS(q, ...)                                               \
	check_read(__LINE__, q, (const struct want[]){__VA_ARGS__}, \
		sizeof((const struct want[]){__VA_ARGS__}) / sizeof(struct want))

/* Checks that the record at AT has such a header. */
#define HAS_HEADER(at, ...) check_header(__LINE__, at, &(const struct want)__VA_ARGS__)

/* Checks that there is nothing to read. */
#define READS_NOTHING(q) ck_assert_int_eq(take(q, (unsigned char[1024]){0}, 1024), -EAGAIN)

static void reset(void)
{
	wq_watch_list_init(&doors, release);
	released = visited = 0;
	last_released = NULL;
	wakes = 0;
}

/* ---- watches and watch lists ---- */

START_TEST(removed_watch_is_released_once)
{
	struct wq_queue *q = sized_queue(32);
	struct wq_watch *w = watch(q, 7, 3);

	ck_assert(!wq_watch_list_empty(&doors));
	ck_assert_int_eq(wq_watch_remove(&doors, q, 7, false), 0);
	ck_assert_int_eq(released, 1);
	ck_assert_ptr_eq(last_released, w);
	ck_assert(wq_watch_list_empty(&doors));
	READS(q, REMOVAL(16, 3));
	wq_queue_put(q);
	ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(list_that_goes_releases_each_watch_once_and_tells_each_queue)
{
	struct wq_queue *a = sized_queue(32), *b = sized_queue(32);

	watch(a, 7, 1);
	watch(b, 7, 2);
	wq_watch_list_remove(&doors, 7);
	ck_assert_int_eq(released, 2);
	ck_assert(wq_watch_list_empty(&doors));
	READS(a, REMOVAL(16, 1));
	READS(b, REMOVAL(16, 2));
	wq_queue_put(a);
	wq_queue_put(b);
	ck_assert_int_eq(released, 2);
}
END_TEST

START_TEST(queue_that_goes_releases_its_watches_silently)
{
	struct wq_watch_list windows;
	struct wq_queue *q = sized_queue(32), *other = sized_queue(32);

	wq_watch_list_init(&windows, release);
	watch(q, 1, 1);
	ck_assert_int_eq(wq_watch_add(new_watch(q, 1, 2), &windows), 0);
	watch(other, 1, 3);
	wq_queue_put(q);
	ck_assert_int_eq(released, 2);
	ck_assert(wq_watch_list_empty(&windows));
	ck_assert(!wq_watch_list_empty(&doors));
	READS_NOTHING(other);
	wq_queue_put(other);
	ck_assert_int_eq(released, 3);
	ck_assert(wq_watch_list_empty(&doors));
}
END_TEST

START_TEST(removal_of_all_takes_every_object)
{
	struct wq_queue *q = sized_queue(32);

	ck_assert_int_eq(wq_watch_remove(&doors, NULL, 0, true), -EBADSLT);
	watch(q, 1, 1);
	watch(q, 2, 2);
	ck_assert_int_eq(wq_watch_remove(&doors, NULL, 0, true), 0);
	ck_assert_int_eq(released, 2);
	/* Without an object the record has no body. As in the kernel, the newest watch comes
	 * first. */
	READS(q, REMOVAL(8, 2), REMOVAL(8, 1));
	wq_queue_put(q);
}
END_TEST

START_TEST(removal_names_the_object_with_all_its_bits)
{
	const uint64_t object = 0x1122334455667788u;
	struct wq_queue *q = sized_queue(32);
	struct watch_notification_removal r;

	watch(q, object, 255);
	wq_watch_list_remove(&doors, object);
	ck_assert_int_eq(take(q, &r, sizeof(r)), sizeof(r));
	HAS_HEADER(&r, REMOVAL(16, 255));
	ck_assert(r.id == object);
	wq_queue_put(q);
}
END_TEST

START_TEST(list_without_release_leaves_watches_to_their_owner)
{
	struct wq_queue *q = sized_queue(32);
	struct wq_watch *w;

	wq_watch_list_init(&doors, NULL);
	w = watch(q, 1, 1);
	ck_assert_int_eq(wq_watch_remove(&doors, q, 1, false), 0);
	ck_assert_int_eq(released, 0);
	free(w);
	wq_queue_put(q);
}
END_TEST

START_TEST(second_watch_of_an_object_is_refused)
{
	struct wq_queue *q = sized_queue(32), *other = sized_queue(32);
	struct wq_watch *w;

	watch(q, 1, 1);
	w = new_watch(q, 1, 2);
	ck_assert_int_eq(wq_watch_add(w, &doors), -EBUSY);
	free(w); /* refused, so it is still ours */
	watch(q, 2, 2);
	watch(other, 1, 1);
	ck_assert_uint_eq(stats(q).watches, 2);
	ck_assert_int_eq(wq_watch_remove(&doors, q, 3, false), -EBADSLT);
	wq_queue_put(q);
	wq_queue_put(other);
	ck_assert_int_eq(released, 3);
}
END_TEST

static bool add_id(const struct wq_watch *w, void *arg)
{
	*(uint64_t *)arg += w->id;
	return true;
}

START_TEST(each_watch_is_visited)
{
	struct wq_queue *q = watching(sized_queue(32));
	uint64_t sum = 0;

	watch(q, 20, 2);
	watch(q, 300, 3);
	wq_queue_each_watch(q, add_id, &sum);
	ck_assert_uint_eq(sum, 321);
	wq_queue_put(q);
}
END_TEST

/* ---- many watches ---- */

#define MANY 20000

/* Checks that Q is asked in its turn: the queue with the newest watch first. */
static bool is_next(struct wq_queue *q, const struct wq_watch *w WQ_UNUSED,
	const struct wq_cred *who WQ_UNUSED, const struct watch_notification *n WQ_UNUSED)
{
	ck_assert_int_eq(*(const int *)wq_queue_owner(q), MANY - 1 - visited);
	visited++;
	return true;
}

START_TEST(queues_that_watch_one_object_get_a_record_from_the_newest_on)
{
	static const struct wq_queue_ops next_ops = {.may_post = is_next};
	struct wq_queue **queues = calloc(MANY, sizeof(struct wq_queue *));
	int *numbers = calloc(MANY, sizeof(int));

	ck_assert(queues && numbers);
	for (int i = 0; i < MANY; i++) {
		numbers[i] = i;
		queues[i] = wq_queue_new(&next_ops, &numbers[i], NULL);
		ck_assert_ptr_nonnull(queues[i]);
		watch(queues[i], 1, 1);
	}
	post_times(1);
	ck_assert_int_eq(visited, MANY);
	for (int i = 0; i < MANY; i += 2)
		ck_assert_int_eq(wq_watch_remove(&doors, queues[i], 1, false), 0);
	ck_assert_int_eq(released, MANY / 2);
	for (int i = 0; i < MANY; i++) {
		ck_assert_uint_eq(stats(queues[i]).watches, i % 2);
		wq_queue_put(queues[i]);
	}
	ck_assert_int_eq(released, MANY);
	free(queues);
	free(numbers);
}
END_TEST

/* ---- memory ---- */

#define ENDLESS UINT_MAX

static unsigned int memory_for = ENDLESS; /* so many allocations */
static size_t largest;			  /* of what was allocated */

static bool is_memory_left(void)
{
	if (memory_for == ENDLESS)
		return true;
	return memory_for && memory_for--;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	if (size > largest)
		largest = size;
	return is_memory_left() ? __real_malloc(size) : NULL;
}

/* A compiler may replace it by malloc() and memset(). */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	if (n * size > largest)
		largest = n * size;
	return is_memory_left() ? __real_calloc(n, size) : NULL;
}

/* A door's record comes to a new queue, and there is memory for N allocations. Is that enough?
 */
static bool record_is_posted_with(unsigned int n)
{
	struct wq_queue *q = watching(sized_queue(32));
	const union record r = door(1, 16, 1);
	bool enough;

	wakes = 0;
	memory_for = n;
	wq_post(&doors, &r.n, NULL, 1, NOW); /* Check allocates memory, too */
	memory_for = ENDLESS;
	ck_assert_int_eq(wakes, 1);
	ck_assert(wq_queue_readable(q));
	enough = !stats(q).lost;
	if (enough) {
		READS(q, DOOR(1, 16, 1));
	} else {
		ck_assert_uint_eq(stats(q).lost, 1);
		READS(q, LOSS);
	}
	post_times(1);
	READS(q, DOOR(1, 16, 1));
	wq_queue_put(q);
	return enough;
}

/* Whichever of the allocations fails. */
START_TEST(record_that_there_is_no_memory_for_is_told_as_lost)
{
	unsigned int n = 0;

	while (!record_is_posted_with(n))
		n++;
	ck_assert_uint_ge(n, 2); /* the record, and its place in the queue */
}
END_TEST

START_TEST(filter_that_there_is_no_memory_for_leaves_the_old_one)
{
	struct wq_queue *q = sized_queue(32);
	struct wq_filter some = {.user.nr_filters = 1}, others = {.user.nr_filters = 2};
	int r;

	ck_assert_int_eq(wq_queue_set_filter(q, &some), 0);
	memory_for = 0;
	r = wq_queue_set_filter(q, &others);
	memory_for = ENDLESS;
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_uint_eq(wq_queue_filter(q)->user.nr_filters, 1);
	ck_assert_int_eq(wq_queue_set_filter(q, &others), 0);
	ck_assert_uint_eq(wq_queue_filter(q)->user.nr_filters, 2);
	ck_assert_int_eq(wq_queue_set_filter(q, NULL), 0);
	ck_assert_ptr_null(wq_queue_filter(q));
	wq_queue_put(q);
}
END_TEST

START_TEST(queue_takes_memory_as_it_fills)
{
	struct wq_queue *q;
	unsigned char buf[16 * 500];

	largest = 0;
	q = watching(sized_queue(512));
	ck_assert_uint_le(largest, 1024);
	post_times(1);
	ck_assert_uint_le(largest, 1024);
	post_times(499);
	ck_assert_uint_ge(largest, 500 * sizeof(struct wq_slot));
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 16 * 500);
	largest = 0;
	post_times(1); /* all was given back, and one record needs little again */
	ck_assert_uint_le(largest, 1024);
	ck_assert_uint_gt(largest, 0);
	wq_queue_put(q);
}
END_TEST

START_TEST(watch_that_there_is_no_memory_for_is_refused)
{
	struct wq_queue *q = sized_queue(32);
	struct wq_watch *w = new_watch(q, 1, 1);
	int r;

	memory_for = 0;
	r = wq_watch_add(w, &doors);
	memory_for = ENDLESS;
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert(wq_watch_list_empty(&doors));
	ck_assert(!wq_watch_exists(w, &doors));
	ck_assert_int_eq(wq_watch_add(w, &doors), 0);
	post_times(1);
	READS(q, DOOR(1, 16, 1));
	wq_queue_put(q);
	ck_assert_int_eq(released, 1);
}
END_TEST

/* ---- assertions ---- */

#ifndef NDEBUG
static void consume_what_is_not_there(struct wq_queue *q)
{
	const struct wq_take take = {.records = 2};

	wq_queue_consume(q, &take);
}

static void watch_with_an_id_that_is_none(struct wq_queue *q)
{
	struct wq_watch *w = new_watch(q, 2, WQFS_WATCH_ID_MAX + 1);

	wq_watch_add(w, &doors);
}

static void put_back_what_was_not_read(struct wq_queue *q)
{
	const struct wq_record r = {.len = WQFS_RECORD_MIN};

	wq_queue_put_back(q, &r);
}

static void (*const breaches[])(struct wq_queue *q) = {
	consume_what_is_not_there,
	watch_with_an_id_that_is_none,
	put_back_what_was_not_read,
};

START_TEST(who_breaks_the_rules_of_a_queue_is_stopped)
{
	struct wq_queue *q = watching(sized_queue(32));
	int status;
	pid_t pid;

	post_times(1);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		breaches[_i](q);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	wq_queue_put(q);
}
END_TEST
#endif

/* ---- hooks that change what they are called for ---- */

/* What the hook of the first queue does, once. */
static struct wq_queue *three[3];
static void (*act)(void);

static void act_once(struct wq_queue *q WQ_UNUSED)
{
	void (*now)(void) = act;

	act = NULL;
	if (now)
		now();
}

static bool act_and_let_in(struct wq_queue *q, const struct wq_watch *w WQ_UNUSED,
	const struct wq_cred *who WQ_UNUSED, const struct watch_notification *n WQ_UNUSED)
{
	act_once(q);
	return true;
}

static void unwatch_all_three(void)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wq_watch_remove(&doors, three[i], 1, false), 0);
	/* Not released yet, because the post is still under way. */
	ck_assert(!wq_watch_list_empty(&doors));
	ck_assert_int_eq(released, 0);
}

static void remove_the_list(void)
{
	wq_watch_list_remove(&doors, 1);
	ck_assert_int_eq(wq_watch_remove(&doors, NULL, 1, true), -EBADSLT);
}

static void close_all_three(void)
{
	for (int i = 0; i < 3; i++) {
		wq_queue_put(three[i]);
		three[i] = NULL;
	}
}

static void watch_anew(void)
{
	unwatch_all_three();
	for (int i = 0; i < 3; i++)
		watch(three[i], 1, 9);
}

static const struct {
	void (*act)(void);
	bool before;	      /* by may_post(), which accepts the record, or by wake() */
	struct want first[2]; /* what the queue of the hook has */
	struct want others;
} hooks[] = {
	{unwatch_all_three, true, {REMOVAL(16, 1)}, REMOVAL(16, 1)},
	{unwatch_all_three, false, {DOOR(1, 16, 1), REMOVAL(16, 1)}, REMOVAL(16, 1)},
	{remove_the_list, true, {REMOVAL(16, 1)}, REMOVAL(16, 1)},
	{remove_the_list, false, {DOOR(1, 16, 1), REMOVAL(16, 1)}, REMOVAL(16, 1)},
	{watch_anew, true, {REMOVAL(16, 1)}, REMOVAL(16, 1)},
	{watch_anew, false, {DOOR(1, 16, 1), REMOVAL(16, 1)}, REMOVAL(16, 1)},
	{.act = close_all_three, .before = true},
	{.act = close_all_three, .before = false},
};

START_TEST(hooks_may_remove_any_watch_and_close_any_queue)
{
	const struct wq_queue_ops acting = {
		.may_post = hooks[_i].before ? act_and_let_in : NULL,
		.wake = hooks[_i].before ? NULL : act_once,
	};

	for (int i = 0; i < 3; i++) {
		three[i] = wq_queue_new(&acting, NULL, NULL);
		ck_assert_int_eq(wq_queue_set_size(three[i], 32), 0);
		watch(three[i], 1, 1);
	}
	act = hooks[_i].act;
	post_times(1);
	ck_assert_ptr_null(act);
	ck_assert_int_eq(released, 3);
	if (three[0]) {
		check_read(__LINE__, three[2], hooks[_i].first, hooks[_i].first[1].len ? 2 : 1);
		check_read(__LINE__, three[1], &hooks[_i].others, 1);
		check_read(__LINE__, three[0], &hooks[_i].others, 1);
		close_all_three();
	}
	ck_assert(wq_watch_list_empty(&doors));
}
END_TEST

/* ---- posting ---- */

START_TEST(record_of_any_length_and_type_comes_out_as_posted)
{
	struct wq_queue *q = sized_queue(128);
	unsigned char buf[WQFS_RECORD_MAX];

	watch(q, 7, 42);
	for (size_t len = WQFS_RECORD_MIN; len <= WQFS_RECORD_MAX; len++) {
		union record r = door((unsigned int)len, len, (unsigned char)(255 - len));

		r.n.info |= WATCH_INFO_FLAG_0 | WATCH_INFO_FLAG_7;
		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 7, NOW), 0);
		ck_assert_uint_eq(wq_queue_bytes(q, WQFS_FORMAT_RAW), len);
		ck_assert_int_eq(take(q, buf, len - 1), -ENOBUFS);
		ck_assert_int_eq(take(q, buf, sizeof(buf)), (ssize_t)len);
		r.n.info |= 42 << WATCH_INFO_ID__SHIFT;
		ck_assert_mem_eq(buf, &r, len);
	}
	wq_queue_put(q);
}
END_TEST

/* Whatever is posted, read and put back in between, in whatever format, and whenever somebody
 * asks.
 */
START_TEST(bytes_are_known_in_each_format)
{
	struct wq_queue *q = sized_queue(64);
	struct wq_record first;
	static char buf[64 * 1024];
	struct wq_take t;

	watch(q, 7, 42);
	for (unsigned int i = 0; i < 500; i++) {
		union record r = door(i, WQFS_RECORD_MIN + i % 100, (unsigned char)i);

		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 7, NOW), 0);
		if (i % 7 == 0) {
			ck_assert_int_gt(wq_queue_peek_first(q, WQFS_FORMAT_RAW, buf,
						 sizeof(buf), &t, &first),
				0);
			wq_queue_consume(q, &t);
			wq_queue_put_back(q, &first);
		}
		for (int f = WQFS_FORMAT_RAW; f <= WQFS_FORMAT_JSON; f++) {
			ssize_t n = wq_queue_peek(q, (enum wqfs_format)f, buf, sizeof(buf), &t);

			if (i % (unsigned int)(2 * f + 1))
				continue;
			ck_assert_uint_eq(wq_queue_bytes(q, (enum wqfs_format)f), (size_t)n);
		}
		if (i % 3 == 0 || t.records > 50) {
			ck_assert_int_gt(wq_queue_peek(q, WQFS_FORMAT_TEXT, buf, 700, &t), 0);
			wq_queue_consume(q, &t);
		}
	}
	wq_queue_put(q);
}
END_TEST

START_TEST(lines_for_one_read_are_no_more_than_take_a_moment)
{
	struct wq_queue *q = sized_queue(512);
	static char buf[1 << 20];
	struct wq_take t;
	ssize_t n;

	watch(q, 7, 42);
	for (unsigned int i = 0; i < 512; i++) {
		union record r = door(i, WQFS_RECORD_MIN, (unsigned char)i);

		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 7, NOW), 0);
	}
	n = wq_queue_peek(q, WQFS_FORMAT_JSON, buf, sizeof(buf), &t);
	ck_assert_int_gt(n, 32 * 1024 - 1024);
	ck_assert_int_le(n, 32 * 1024);
	ck_assert_int_eq(
		wq_queue_peek(q, WQFS_FORMAT_RAW, buf, sizeof(buf), &t), 512 * WQFS_RECORD_MIN);
	wq_queue_put(q);
}
END_TEST

START_TEST(records_of_different_length_are_read_whole)
{
	struct wq_queue *q = sized_queue(32);
	unsigned char buf[256];
	static const size_t lens[] = {8, 127, 9, 33};

	watch(q, 7, 1);
	for (int i = 0; i < 4; i++) {
		union record r = door(1, lens[i], 0);

		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 7, NOW), 0);
	}
	ck_assert_int_eq(take(q, buf, 8 + 126), 8);
	ck_assert_int_eq(take(q, buf, 127 + 9 + 32), 127 + 9);
	HAS_HEADER(buf + 127, DOOR(1, 9, 1));
	READS(q, DOOR(1, 33, 1));
	READS_NOTHING(q);
	wq_queue_put(q);
}
END_TEST

START_TEST(record_shorter_than_its_header_is_refused)
{
	struct wq_queue *q = sized_queue(32);

	watch(q, 7, 1);
	for (size_t len = 0; len < WQFS_RECORD_MIN; len++) {
		union record r = door(1, len, 0);

		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 7, NOW), -EINVAL);
	}
	ck_assert(!wq_queue_readable(q));
	ck_assert_int_eq(wakes, 0);
	wq_queue_put(q);
}
END_TEST

START_TEST(post_reaches_the_watches_of_its_object_with_their_ids)
{
	struct wq_queue *a = sized_queue(32), *b = sized_queue(32);
	union record r = door(5, 16, 9);

	watch(a, 1, 0);
	watch(b, 1, 255);
	watch(b, 2, 7);
	/* What the poster leaves in place of the id must not appear. */
	r.n.info |= 0x55 << WATCH_INFO_ID__SHIFT;
	ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, NOW), 0);
	ck_assert_uint_eq((r.n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT, 0x55);
	READS(a, DOOR(5, 16, 0));
	READS(b, DOOR(5, 16, 255));
	ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 3, NOW), 0);
	READS_NOTHING(b);
	wq_queue_put(a);
	wq_queue_put(b);
}
END_TEST

START_TEST(records_older_than_the_watch_are_not_posted)
{
	struct wq_queue *q = sized_queue(32);
	struct wq_watch *w = watch(q, 1, 1);
	union record r = door(1, 16, 0);

	ck_assert_uint_ne(w->since_ns, 0);
	ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, w->since_ns - 1), 0);
	READS_NOTHING(q);
	ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, w->since_ns), 0);
	READS(q, DOOR(1, 16, 1));
	wq_queue_put(q);
}
END_TEST

/* ---- the hook ---- */

static const struct wq_cred *asked_for;
static int asked;

static bool refuse_subtype_2(struct wq_queue *queue, const struct wq_watch *w,
	const struct wq_cred *who, const struct watch_notification *n)
{
	asked++;
	asked_for = who;
	ck_assert_ptr_eq(w->queue, queue);
	ck_assert_uint_eq(n->info & WATCH_INFO_ID, w->info_id);
	/* The hook gets the whole record, not only its header. */
	ck_assert_uint_eq(((const unsigned char *)n)[15], 77);
	return n->subtype != 2;
}

START_TEST(hook_refuses_a_record_without_loss)
{
	static const struct wq_queue_ops hooked = {.wake = wake, .may_post = refuse_subtype_2};
	const struct wq_cred who = {.pid = 4711, .uid = 1000};
	struct wq_queue *q = wq_queue_new(&hooked, NULL, NULL);

	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(wq_queue_set_size(q, 32), 0);
	watch(q, 1, 1);
	for (unsigned int subtype = 1; subtype <= 3; subtype++) {
		union record r = door(subtype, 16, 77);

		ck_assert_int_eq(wq_post(&doors, &r.n, &who, 1, NOW), 0);
	}
	ck_assert_int_eq(asked, 3);
	ck_assert_ptr_eq(asked_for, &who);
	ck_assert_int_eq(wakes, 2);
	READS(q, DOOR(1, 16, 1), DOOR(3, 16, 1));
	ck_assert_uint_eq(stats(q).lost, 0);
	/* The hook is not asked about REMOVAL. */
	ck_assert_int_eq(wq_watch_remove(&doors, q, 1, false), 0);
	ck_assert_int_eq(asked, 3);
	wq_queue_put(q);
}
END_TEST

/* With debug_keys. Each test is a process of its own, so this does not affect others. */
START_TEST(refusal_of_the_hook_is_explained)
{
	static const struct wq_queue_ops hooked = {.may_post = refuse_subtype_2};
	static const char want[] = "test: watch 0x01: the record is refused by may_post()\n";
	struct wq_queue *q = wq_queue_new(&hooked, NULL, NULL);
	union record r = door(2, 16, 77);
	char said[256] = "";
	int fds[2];

	ck_assert_ptr_nonnull(q);
	watch(q, 1, 1);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	wq_log_init("test", false);
	ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, NOW), 0);
	ck_assert_int_eq(read(fds[0], said, sizeof(said) - 1), -1);
	wq_log_debug_keys();
	ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, NOW), 0);
	ck_assert_int_gt(read(fds[0], said, sizeof(said) - 1), 0);
	ck_assert_str_eq(said, want);
	wq_queue_put(q);
}
END_TEST

/* ---- loss ---- */

START_TEST(loss_from_a_source_is_posted_at_once_when_nothing_is_queued)
{
	struct wq_queue *q = sized_queue(32);
	unsigned char buf[64];

	wq_queue_note_loss(q);
	ck_assert_int_eq(wakes, 1);
	ck_assert(wq_queue_readable(q));
	ck_assert_uint_eq(wq_queue_bytes(q, WQFS_FORMAT_RAW), 0);
	ck_assert_int_eq(take(q, buf, 7), -ENOBUFS);
	READS(q, LOSS);
	ck_assert(!wq_queue_readable(q));
	READS_NOTHING(q);
	ck_assert_uint_eq(stats(q).losses, 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(loss_from_a_source_stands_behind_the_records_queued_before)
{
	struct wq_queue *q = watching(sized_queue(32));

	post_times(1);
	wq_queue_note_loss(q);
	wq_queue_note_loss(q); /* one gap, one LOSS */
	post_times(1);
	READS(q, DOOR(1, 16, 1), LOSS, DOOR(1, 16, 1));
	READS_NOTHING(q);
	wq_queue_put(q);
}
END_TEST

START_TEST(loss_from_a_source_keeps_the_queue_readable_after_the_last_record)
{
	struct wq_queue *q = watching(sized_queue(32));

	post_times(1);
	wq_queue_note_loss(q);
	READS(q, DOOR(1, 16, 1));
	ck_assert(wq_queue_readable(q));
	READS(q, LOSS);
	ck_assert(!wq_queue_readable(q));
	wq_queue_put(q);
}
END_TEST

START_TEST(loss_in_a_full_ring_alone_does_not_make_it_readable)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char buf[512];

	post_times(33);
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 512);
	ck_assert(!wq_queue_readable(q));
	READS(q, LOSS);
	wq_queue_put(q);
}
END_TEST

/* Posts N records of changes at AT_NS, which are reported now. */
static void post_late(int n, uint64_t at_ns)
{
	while (n--) {
		union record r = door(1, 16, 99);

		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, at_ns), 0);
	}
}

/* A ring of 32 is full, and one record was read; MORE records had found no room. Then LATE more
 * changes from before that are reported, and one from after it. */
static void check_late(int more, int late)
{
	struct wq_queue *q = sized_queue(32);
	uint64_t before = watch(q, 1, 1)->since_ns;
	unsigned char buf[1024];

	post_times(32 + more);
	ck_assert_int_eq(take(q, buf, 16), 16);
	post_late(late, before);
	ck_assert_uint_eq(stats(q).queued, 31);
	post_times(1);
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 31 * 16 + 8 + 16);
	READS_NOTHING(q);
	ck_assert_uint_eq(stats(q).lost, (unsigned int)(more + late));
	wq_queue_put(q);
}

START_TEST(what_was_done_while_the_ring_was_full_is_lost_though_it_is_learnt_later)
{
	check_late(1, 5);
	check_late(0, 5);
}
END_TEST

START_TEST(loss_that_was_read_is_not_posted_again_for_what_is_learnt_later)
{
	struct wq_queue *q = sized_queue(32);
	uint64_t before = watch(q, 1, 1)->since_ns;
	unsigned char buf[1024];

	post_times(33);
	ck_assert_int_eq(take(q, buf, 16), 16);
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 31 * 16);
	READS(q, LOSS);
	post_late(5, before);
	READS_NOTHING(q);
	ck_assert_uint_eq(stats(q).lost, 6);
	wq_queue_put(q);
}
END_TEST

/* The reader has its reply before we continue. */
START_TEST(what_a_reader_does_before_its_read_is_consumed_finds_room)
{
	struct wq_queue *q = watching(sized_queue(32));
	struct wq_take t;
	unsigned char buf[1024];
	uint64_t after;

	post_times(32);
	ck_assert_int_eq(wq_queue_peek(q, WQFS_FORMAT_RAW, buf, 16, &t), 16);
	after = t.at_ns + 1;
	ck_assert_uint_ge(watch(q, 2, 2)->since_ns, t.at_ns);
	wq_queue_consume(q, &t);
	post_late(1, after);
	ck_assert_uint_eq(stats(q).lost, 0);
	ck_assert_uint_eq(stats(q).queued, 32);
	wq_queue_put(q);
}
END_TEST

START_TEST(what_was_done_before_a_ring_that_was_not_full_is_read_is_kept)
{
	struct wq_queue *q = sized_queue(32);
	uint64_t before = watch(q, 1, 1)->since_ns;
	unsigned char buf[1024];

	post_times(31);
	ck_assert_int_eq(take(q, buf, 16), 16);
	post_late(1, before);
	ck_assert_uint_eq(stats(q).queued, 31);
	ck_assert_uint_eq(stats(q).lost, 0);
	wq_queue_put(q);
}
END_TEST

START_TEST(loss_and_removal_pass_a_filter_that_rejects_everything)
{
	const struct wqfs_filter unknown = {.nr_filters = 1, .filters = {{.type = 9}}};
	struct wq_queue *q = watching(sized_queue(32));
	struct wq_filter f;

	ck_assert_int_eq(wq_filter_parse(&f, &unknown, sizeof(unknown)), 0);
	ck_assert_int_eq(wq_queue_set_filter(q, &f), 0);
	ck_assert_ptr_nonnull(wq_queue_filter(q));
	post_times(100);
	ck_assert_uint_eq(stats(q).filtered, 100);
	ck_assert_uint_eq(stats(q).lost, 0);
	wq_queue_note_loss(q);
	ck_assert_int_eq(wq_watch_remove(&doors, q, 1, false), 0);
	READS(q, LOSS, REMOVAL(16, 1));
	ck_assert_int_eq(wq_queue_set_filter(q, NULL), 0);
	ck_assert_ptr_null(wq_queue_filter(q));
	wq_queue_put(q);
}
END_TEST

/* ---- reading ---- */

START_TEST(peek_alone_changes_nothing)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char first[1024], again[1024];
	struct wqfs_stats before, after;
	struct wq_take t;

	post_times(40);
	before = stats(q);
	ck_assert_int_eq(wq_queue_peek(q, WQFS_FORMAT_RAW, first, sizeof(first), &t), 32 * 16);
	ck_assert_int_eq(wq_queue_peek(q, WQFS_FORMAT_RAW, again, sizeof(again), &t), 32 * 16);
	ck_assert_mem_eq(first, again, 32 * 16);
	after = stats(q);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	wq_queue_consume(q, &t);
	READS(q, LOSS);
	wq_queue_put(q);
}
END_TEST

START_TEST(posts_between_peek_and_consume_are_kept)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char buf[1024];
	struct wq_take t;

	post_times(2);
	ck_assert_int_eq(wq_queue_peek(q, WQFS_FORMAT_RAW, buf, sizeof(buf), &t), 32);
	post_times(3);
	wq_queue_consume(q, &t);
	READS(q, DOOR(1, 16, 1), DOOR(1, 16, 1), DOOR(1, 16, 1));
	wq_queue_put(q);
}
END_TEST

START_TEST(loss_between_peek_and_consume_is_kept)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char buf[1024];
	struct wq_take t;

	post_times(32);
	ck_assert_int_eq(wq_queue_peek(q, WQFS_FORMAT_RAW, buf, sizeof(buf), &t), 512);
	post_times(1);
	wq_queue_consume(q, &t);
	READS(q, LOSS);
	wq_queue_put(q);
}
END_TEST

START_TEST(ring_keeps_order_when_it_wraps)
{
	struct wq_queue *q = watching(sized_queue(96));
	unsigned char buf[16], next_in = 0, next_out = 0;

	for (int round = 0; round < 50; round++) {
		post_from(next_in, 90);
		next_in = (unsigned char)(next_in + 90);
		for (int i = 0; i < 90; i++) {
			ck_assert_int_eq(take(q, buf, sizeof(buf)), 16);
			ck_assert_uint_eq(buf[15], next_out);
			next_out++;
		}
	}
	ck_assert_uint_eq(stats(q).lost, 0);
	wq_queue_put(q);
}
END_TEST

START_TEST(stats_count_what_happened)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char buf[1024];
	struct wqfs_stats s;

	post_times(40);
	take(q, buf, 10 * 16);
	s = stats(q);
	ck_assert_uint_eq(s.size, 32);
	ck_assert_uint_eq(s.queued, 22);
	ck_assert_uint_eq(s.watches, 1);
	ck_assert_uint_eq(s.posted, 32);
	ck_assert_uint_eq(s.read, 10);
	ck_assert_uint_eq(s.lost, 8);
	ck_assert_uint_eq(s.losses, 0);
	take(q, buf, sizeof(buf));
	READS(q, LOSS);
	ck_assert_uint_eq(stats(q).losses, 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(mtime_moves_with_a_post)
{
	struct wq_queue *q = watching(sized_queue(32));
	struct timespec made = wq_queue_mtime(q), posted;

	ck_assert_int_ne(made.tv_sec, 0);
	post_times(1);
	posted = wq_queue_mtime(q);
	ck_assert(posted.tv_sec > made.tv_sec ||
		  (posted.tv_sec == made.tv_sec && posted.tv_nsec > made.tv_nsec));
	wq_queue_put(q);
}
END_TEST

/* ---- references ---- */

START_TEST(queue_lives_until_its_last_reference)
{
	struct wq_queue *q = watching(sized_queue(32));

	ck_assert_ptr_eq(wq_queue_get(q), q);
	wq_queue_put(q);
	ck_assert_int_eq(released, 0);
	post_times(1);
	READS(q, DOOR(1, 16, 1));
	wq_queue_put(q);
	ck_assert_int_eq(released, 1);
	wq_queue_put(NULL);
}
END_TEST

START_TEST(queue_knows_its_owner)
{
	int owner;
	struct wq_queue *q = wq_queue_new(&ops, &owner, NULL);

	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_eq(wq_queue_owner(q), &owner);
	wq_queue_put(q);
}
END_TEST

/* ---- sizes ---- */

static const struct {
	unsigned long nr;
	uint32_t max;
	int r;
	uint32_t size; /* the size of the queue afterwards */
} sizes[] = {
	{0, WQFS_SIZE_MAX, -EINVAL, 0},
	{1, WQFS_SIZE_MAX, 0, 32},
	{32, WQFS_SIZE_MAX, 0, 32},
	{33, WQFS_SIZE_MAX, 0, 64},
	{65, WQFS_SIZE_MAX, 0, 96},
	{512, WQFS_SIZE_MAX, 0, 512},
	{513, WQFS_SIZE_MAX, -EINVAL, 0},
	{513, 65536, 0, 544},
	{65536, 65536, 0, 65536},
	{65537, 65536, -EINVAL, 0},
	{(unsigned long)-1, WQFS_SIZE_MAX, -EINVAL, 0},
};

START_TEST(size_is_rounded_up_and_bounded)
{
	struct wq_queue *q = wq_queue_new(&ops, NULL, &sizes[_i].max);

	ck_assert_ptr_nonnull(q);
	watch(q, 1, 1);
	ck_assert_int_eq(wq_queue_set_size(q, sizes[_i].nr), sizes[_i].r);
	ck_assert_uint_eq(stats(q).size, sizes[_i].size);
	post_times((int)sizes[_i].size + 1);
	ck_assert_uint_eq(stats(q).queued, sizes[_i].size);
	ck_assert_uint_eq(stats(q).lost, 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(size_is_set_once)
{
	struct wq_queue *q = sized_queue(64);

	ck_assert_int_eq(wq_queue_set_size(q, 64), -EBUSY);
	ck_assert_int_eq(wq_queue_set_size(q, 0), -EBUSY);
	ck_assert_int_eq(wq_queue_set_default_size(q, 32), -EBUSY);
	ck_assert_uint_eq(stats(q).size, 64);
	wq_queue_put(q);
}
END_TEST

START_TEST(default_size_may_be_changed_once)
{
	struct wq_queue *q = default_sized_queue(256);

	ck_assert_uint_eq(stats(q).size, 256);
	ck_assert_int_eq(wq_queue_set_default_size(q, 513), -EINVAL);
	ck_assert_int_eq(wq_queue_set_default_size(q, 0), 0);
	ck_assert_uint_eq(stats(q).size, 0);
	ck_assert_int_eq(wq_queue_set_default_size(q, 256), 0);
	ck_assert_int_eq(wq_queue_set_size(q, 32), 0);
	ck_assert_uint_eq(stats(q).size, 32);
	ck_assert_int_eq(wq_queue_set_size(q, 32), -EBUSY);
	wq_queue_put(q);
}
END_TEST

START_TEST(size_below_what_is_queued_is_refused)
{
	struct wq_queue *q = watching(default_sized_queue(256));
	unsigned char buf[1024];

	post_times(33);
	ck_assert_int_eq(wq_queue_set_size(q, 32), -EBUSY);
	ck_assert_int_eq(wq_queue_set_default_size(q, 0), -EBUSY);
	ck_assert_int_eq(wq_queue_set_size(q, 33), 0); /* a refusal does not count */
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 33 * 16);
	for (int i = 0; i < 33; i++)
		ck_assert_uint_eq(buf[16 * i + 15], i);
	wq_queue_put(q);
}
END_TEST

START_TEST(size_change_keeps_records_and_loss_in_a_ring_that_has_wrapped)
{
	struct wq_queue *q = watching(default_sized_queue(32));
	unsigned char buf[1024];

	post_times(20);
	take(q, buf, 20 * 16);
	post_times(40);
	ck_assert_int_eq(wq_queue_set_size(q, 64), 0);
	post_times(1);
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 32 * 16 + 8 + 16);
	for (int i = 0; i < 32; i++)
		ck_assert_uint_eq(buf[16 * i + 15], i);
	HAS_HEADER(buf + 32 * 16, LOSS);
	wq_queue_put(q);
}
END_TEST

/* A large queue that is closed keeps nobody waiting. */
START_TEST(records_of_a_closed_queue_are_dropped_in_turns)
{
	enum { RECORDS = 16384 };
	static const uint32_t max_size = RECORDS;
	struct wq_queue *q = wq_queue_new(&ops, NULL, &max_size);
	unsigned int turns = 1;

	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(wq_queue_set_size(q, RECORDS), 0);
	watching(q);
	post_times(RECORDS);
	ck_assert_uint_eq(wq_queue_bytes(q, WQFS_FORMAT_RAW), RECORDS * 16);
	wq_queue_close(q);
	while (!wq_queue_release_until(q, 0))
		turns++;
	ck_assert_uint_gt(turns, 10);
	ck_assert_uint_eq(wq_queue_bytes(q, WQFS_FORMAT_RAW), 0);
	ck_assert(wq_watch_list_empty(&doors));
	wq_queue_put(q);
}
END_TEST

/* Takes only the first record, which goes to *FIRST. */
static void take_first(struct wq_queue *q, struct wq_record *first)
{
	unsigned char buf[16];
	struct wq_take t;

	ck_assert_int_eq(
		wq_queue_peek_first(q, WQFS_FORMAT_RAW, buf, sizeof(buf), &t, first), 16);
	ck_assert_uint_eq(first->len, 16);
	wq_queue_consume(q, &t);
}

START_TEST(record_that_is_put_back_comes_before_all_others)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char buf[4096];
	struct wq_record first;

	post_times(33); /* the last is lost */
	take_first(q, &first);
	wq_queue_put_back(q, &first);
	ck_assert_uint_eq(wq_queue_bytes(q, WQFS_FORMAT_RAW), 32 * 16);
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 32 * 16);
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(buf[16 * i + 8], i);
	wq_queue_put(q);
}
END_TEST

START_TEST(record_that_cannot_be_put_back_is_counted_as_lost)
{
	struct wq_queue *q = watching(sized_queue(32));
	unsigned char buf[4096];
	struct wqfs_stats stats;
	struct wq_record first;

	post_times(32);
	take_first(q, &first);
	post_from(32, 1);
	wq_queue_put_back(q, &first);
	wq_queue_stats(q, &stats);
	ck_assert_uint_eq(stats.lost, 1);
	ck_assert_int_eq(take(q, buf, sizeof(buf)), 8 + 32 * 16);
	ck_assert_int_eq(buf[3], WATCH_META_LOSS_NOTIFICATION);
	ck_assert_int_eq(buf[8 + 8], 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(unsized_queue_drops_without_loss)
{
	struct wq_queue *q = watching(unsized_queue());

	post_times(3);
	ck_assert(!wq_queue_readable(q));
	ck_assert_int_eq(wakes, 0);
	READS_NOTHING(q);
	ck_assert_int_eq(wq_queue_set_size(q, 32), 0);
	post_times(1);
	READS(q, DOOR(1, 16, 1));
	wq_queue_put(q);
}
END_TEST

/* ---- readers that keep up ---- */

#define FLOOD_SIZE 32

/* Posts N records of what was done at AT_NS. */
static void post_at(int n, uint64_t at_ns)
{
	union record r = door(1, 16, 0);

	for (int i = 0; i < n; i++)
		ck_assert_int_eq(wq_post(&doors, &r.n, NULL, 1, at_ns), 0);
}

static void take_all(struct wq_queue *q)
{
	char buf[4096];

	while (take(q, buf, sizeof(buf)) > 0)
		;
}

/* A reader has waited for as many records as the queue has places, and has taken them. */
static uint64_t flood(struct wq_queue *q, struct wq_surplus *surplus)
{
	uint64_t now = wq_now_ns();

	wq_queue_share_surplus(q, surplus);
	wq_queue_await(q, now);
	post_at(FLOOD_SIZE, now);
	take_all(q);
	return now;
}

START_TEST(flood_that_a_reader_waits_for_may_exceed_the_size)
{
	struct wq_queue *q = watching(sized_queue(FLOOD_SIZE));
	struct wq_surplus surplus = {0};
	uint64_t now = flood(q, &surplus);

	post_at(3 * FLOOD_SIZE, now);
	ck_assert_uint_eq(stats(q).queued, 3 * FLOOD_SIZE);
	ck_assert_uint_eq(stats(q).lost, 0);
	ck_assert_uint_ge(surplus.slots, 2 * FLOOD_SIZE);
	take_all(q);
	ck_assert_uint_eq(surplus.slots, 0);
	wq_queue_put(q);
}
END_TEST

/* Whoever leaves a record in each of many queues must not keep what a flood needed. */
START_TEST(surplus_goes_back_when_no_more_is_queued_than_the_size)
{
	struct wq_queue *q = watching(sized_queue(FLOOD_SIZE));
	struct wq_surplus surplus = {0};
	uint64_t now = flood(q, &surplus);
	char buf[16];

	post_at(3 * FLOOD_SIZE, now);
	for (int left = 3 * FLOOD_SIZE; left > 1; left--) {
		ck_assert_int_eq(surplus.slots > 0, left > FLOOD_SIZE);
		ck_assert_int_eq(take(q, buf, sizeof(buf)), sizeof(buf));
	}
	ck_assert_uint_eq(stats(q).queued, 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(flood_may_exceed_the_size_until_its_reader_comes_back)
{
	struct wq_queue *q = watching(sized_queue(FLOOD_SIZE));
	struct wq_surplus surplus = {0};

	flood(q, &surplus);
	wq_queue_await(q, 0);
	post_at(2 * FLOOD_SIZE, wq_now_ns());
	ck_assert_uint_eq(stats(q).lost, 0);
	post_at(1, wq_now_ns() + WQ_NSEC_PER_SEC);
	ck_assert_uint_eq(stats(q).lost, 1);
	wq_queue_put(q);
	ck_assert_uint_eq(surplus.slots, 0);
}
END_TEST

/* It may be the reader who does it. */
START_TEST(few_records_that_a_reader_waits_for_allow_no_surplus)
{
	struct wq_queue *q = watching(sized_queue(FLOOD_SIZE));
	struct wq_surplus surplus = {0};
	uint64_t now = wq_now_ns();

	wq_queue_share_surplus(q, &surplus);
	wq_queue_await(q, now);
	post_at(1, now);
	take_all(q);
	wq_queue_await(q, 0);
	post_at(FLOOD_SIZE + 1, wq_now_ns() + WQ_NSEC_PER_SEC);
	ck_assert_uint_eq(stats(q).lost, 1);
	wq_queue_put(q);
}
END_TEST

START_TEST(surplus_of_all_queues_is_limited)
{
	struct wq_queue *q = watching(sized_queue(FLOOD_SIZE));
	const uint32_t others = WQ_SURPLUS_MAX - FLOOD_SIZE;
	struct wq_surplus surplus = {.slots = others};
	uint64_t now = flood(q, &surplus);

	post_at(2 * FLOOD_SIZE + 1, now);
	ck_assert_uint_eq(stats(q).queued, 2 * FLOOD_SIZE);
	ck_assert_uint_eq(stats(q).lost, 1);
	wq_queue_put(q);
	ck_assert_uint_eq(surplus.slots, others);
}
END_TEST

static Suite *queue_suite(void)
{
	Suite *s = suite_create("queue");
	TCase *watches = tcase_create("watches"), *posting = tcase_create("posting");
	TCase *loss = tcase_create("loss"), *reading = tcase_create("reading");
	TCase *size = tcase_create("sizes");

	tcase_add_checked_fixture(watches, reset, NULL);
	tcase_add_test(watches, removed_watch_is_released_once);
	tcase_add_test(watches, list_that_goes_releases_each_watch_once_and_tells_each_queue);
	tcase_add_test(watches, queue_that_goes_releases_its_watches_silently);
	tcase_add_test(watches, removal_of_all_takes_every_object);
	tcase_add_test(watches, removal_names_the_object_with_all_its_bits);
	tcase_add_test(watches, list_without_release_leaves_watches_to_their_owner);
	tcase_add_test(watches, second_watch_of_an_object_is_refused);
	tcase_add_test(watches, each_watch_is_visited);
	tcase_add_test(watches, queues_that_watch_one_object_get_a_record_from_the_newest_on);
#ifndef NDEBUG
	tcase_add_loop_test(
		watches, who_breaks_the_rules_of_a_queue_is_stopped, 0, ARRAY_SIZE(breaches));
#endif
	tcase_add_test(watches, watch_that_there_is_no_memory_for_is_refused);
	tcase_add_test(watches, record_that_there_is_no_memory_for_is_told_as_lost);
	tcase_add_test(watches, filter_that_there_is_no_memory_for_leaves_the_old_one);
	tcase_add_test(watches, queue_takes_memory_as_it_fills);
	tcase_add_loop_test(
		watches, hooks_may_remove_any_watch_and_close_any_queue, 0, ARRAY_SIZE(hooks));
	tcase_add_test(watches, queue_lives_until_its_last_reference);
	tcase_add_test(watches, queue_knows_its_owner);
	suite_add_tcase(s, watches);

	tcase_add_checked_fixture(posting, reset, NULL);
	tcase_add_test(posting, record_of_any_length_and_type_comes_out_as_posted);
	tcase_add_test(posting, bytes_are_known_in_each_format);
	tcase_add_test(posting, lines_for_one_read_are_no_more_than_take_a_moment);
	tcase_add_test(posting, records_of_different_length_are_read_whole);
	tcase_add_test(posting, record_shorter_than_its_header_is_refused);
	tcase_add_test(posting, post_reaches_the_watches_of_its_object_with_their_ids);
	tcase_add_test(posting, records_older_than_the_watch_are_not_posted);
	tcase_add_test(posting, hook_refuses_a_record_without_loss);
	tcase_add_test(posting, refusal_of_the_hook_is_explained);
	suite_add_tcase(s, posting);

	tcase_add_checked_fixture(loss, reset, NULL);
	tcase_add_test(loss, loss_from_a_source_is_posted_at_once_when_nothing_is_queued);
	tcase_add_test(loss, loss_from_a_source_stands_behind_the_records_queued_before);
	tcase_add_test(loss, loss_from_a_source_keeps_the_queue_readable_after_the_last_record);
	tcase_add_test(loss, loss_in_a_full_ring_alone_does_not_make_it_readable);
	tcase_add_test(
		loss, what_was_done_while_the_ring_was_full_is_lost_though_it_is_learnt_later);
	tcase_add_test(loss, loss_that_was_read_is_not_posted_again_for_what_is_learnt_later);
	tcase_add_test(loss, what_a_reader_does_before_its_read_is_consumed_finds_room);
	tcase_add_test(loss, what_was_done_before_a_ring_that_was_not_full_is_read_is_kept);
	tcase_add_test(loss, loss_and_removal_pass_a_filter_that_rejects_everything);
	suite_add_tcase(s, loss);

	tcase_add_checked_fixture(reading, reset, NULL);
	tcase_add_test(reading, peek_alone_changes_nothing);
	tcase_add_test(reading, posts_between_peek_and_consume_are_kept);
	tcase_add_test(reading, loss_between_peek_and_consume_is_kept);
	tcase_add_test(reading, ring_keeps_order_when_it_wraps);
	tcase_add_test(reading, stats_count_what_happened);
	tcase_add_test(reading, mtime_moves_with_a_post);
	suite_add_tcase(s, reading);

	tcase_add_checked_fixture(size, reset, NULL);
	tcase_add_loop_test(size, size_is_rounded_up_and_bounded, 0, ARRAY_SIZE(sizes));
	tcase_add_test(size, size_is_set_once);
	tcase_add_test(size, default_size_may_be_changed_once);
	tcase_add_test(size, size_below_what_is_queued_is_refused);
	tcase_add_test(size, size_change_keeps_records_and_loss_in_a_ring_that_has_wrapped);
	tcase_add_test(size, unsized_queue_drops_without_loss);
	tcase_add_test(size, records_of_a_closed_queue_are_dropped_in_turns);
	tcase_add_test(size, record_that_is_put_back_comes_before_all_others);
	tcase_add_test(size, record_that_cannot_be_put_back_is_counted_as_lost);
	tcase_add_test(size, flood_that_a_reader_waits_for_may_exceed_the_size);
	tcase_add_test(size, surplus_goes_back_when_no_more_is_queued_than_the_size);
	tcase_add_test(size, flood_may_exceed_the_size_until_its_reader_comes_back);
	tcase_add_test(size, few_records_that_a_reader_waits_for_allow_no_surplus);
	tcase_add_test(size, surplus_of_all_queues_is_limited);
	suite_add_tcase(s, size);
	return s;
}

int main(void)
{
	return run_suite(queue_suite());
}
