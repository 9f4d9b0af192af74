/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/array_size.h"
#include "record/render.h"
#include "record/slot.h"
#include "run.h"

static const size_t lengths[] = {8, 12, 16, 17, 24, 127};
static const unsigned int ids[] = {0, 9, 10, 99, 100, 255};

/* A record of LEN bytes about a key, with the watch id ID. */
static void make(struct wq_record *r, size_t len, unsigned int id)
{
	struct watch_notification n = {.type = WATCH_TYPE_KEY_NOTIFY,
		.subtype = NOTIFY_KEY_UPDATED,
		.info = (uint32_t)len | id << WATCH_INFO_ID__SHIFT};

	*r = (struct wq_record){.when = {1700000000, 7},
		.who = {.pid = 4711, .uid = 1000, .gid = 100, .comm = "keyctl"},
		.len = (uint8_t)len};
	for (size_t i = 0; i < len; i++)
		r->data[i] = (uint8_t)(i + 1);
	memcpy(r->data, &n, sizeof(n));
}

/* Is S the record that MAKE()s with these, in each format? */
static void is_record(const struct wq_slot *s, size_t len, unsigned int id)
{
	char is[WQ_RENDER_MAX], want[WQ_RENDER_MAX];
	struct wq_record r, copy;

	make(&r, len, id);
	ck_assert_uint_eq(wq_slot_id(s), id);
	for (int f = 0; f < WQ_FORMATS; f++) {
		enum wqfs_format format = (enum wqfs_format)f;
		ssize_t n = wq_record_render(&r, format, want, sizeof(want));

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(wq_slot_render(s, format, is, sizeof(is)), n);
		ck_assert_mem_eq(is, want, (size_t)n);
		ck_assert_uint_eq(wq_slot_size(s, format), (size_t)n);
		ck_assert_int_eq(wq_slot_render(s, format, is, (size_t)n - 1), -ENOBUFS);
	}
	wq_slot_record(s, &copy);
	ck_assert_mem_eq(copy.data, r.data, len);
	ck_assert_int_eq(copy.who.pid, 4711);
	ck_assert_int_eq(wq_slot_when(s).tv_nsec, 7);
}

START_TEST(record_is_the_same_in_each_queue_but_for_the_watch_id)
{
	struct wq_record r;
	struct wq_slot s;

	for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
		make(&r, lengths[l], 100);
		ck_assert(wq_slot_make_again(&s, &r));
		for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
			wq_slot_set_id(&s, ids[i] << WATCH_INFO_ID__SHIFT);
			is_record(&s, lengths[l], ids[i]);
		}
		wq_slot_drop(&s);
	}
}
END_TEST

START_TEST(record_lives_until_its_last_slot_is_dropped)
{
	struct wq_slot first, second;
	struct wq_record r;

	make(&r, 24, 1);
	ck_assert(wq_slot_make_again(&first, &r));
	second = first;
	wq_slot_hold(&second);
	wq_slot_set_id(&second, 20u << WATCH_INFO_ID__SHIFT);
	wq_slot_drop(&first);
	is_record(&second, 24, 20);
	wq_slot_drop(&second);
	wq_slot_drop(&second);
	ck_assert_ptr_null(second.shared);
}
END_TEST

START_TEST(slot_is_short)
{
	ck_assert_uint_le(sizeof(struct wq_slot), 32);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slot");
	TCase *t = tcase_create("slot");

	tcase_add_test(t, record_is_the_same_in_each_queue_but_for_the_watch_id);
	tcase_add_test(t, record_lives_until_its_last_slot_is_dropped);
	tcase_add_test(t, slot_is_short);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
