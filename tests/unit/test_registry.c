/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over the keys that are watched, while these come and go. */
#include "keys/registry.h"
#include "run.h"

#define KEYS 4

static struct wq_registry registry;
static struct wq_key key[KEYS];
static struct wq_key_cursor cursor;

static void set_up(void)
{
	memset(&registry, 0, sizeof(registry));
	memset(key, 0, sizeof(key));
	memset(&cursor, 0, sizeof(cursor));
	wq_registry_init(&registry);
	for (int i = 0; i < KEYS; i++)
		key[i].serial = i + 1;
}

static void add(int i)
{
	ck_assert_int_eq(wq_registry_add(&registry, &key[i]), 0);
}

static void tear_down(void)
{
	wq_cursor_end(&cursor);
	for (int i = 0; i < KEYS; i++)
		if (wq_registry_find(&registry, i + 1))
			wq_registry_remove(&registry, &key[i]);
	wq_registry_fini(&registry);
}

static void next_is(const struct wq_key *expected)
{
	ck_assert_ptr_eq(wq_cursor_next(&cursor), expected);
}

START_TEST(a_key_that_leaves_is_stepped_over_and_one_that_comes_is_reached)
{
	add(0), add(1), add(2);
	wq_cursor_begin(&registry, &cursor);
	next_is(&key[0]);
	wq_registry_remove(&registry, &key[1]);
	add(3);
	next_is(&key[2]);
	next_is(&key[3]);
	next_is(NULL);
	add(1);
	next_is(NULL);
}
END_TEST

START_TEST(a_cursor_that_stays_reaches_what_comes_after_the_last_has_left)
{
	add(0), add(1);
	wq_cursor_begin_and_stay(&registry, &cursor);
	next_is(&key[0]);
	wq_registry_remove(&registry, &key[1]);
	add(2);
	next_is(&key[2]);
	next_is(NULL);
	add(3), add(1);
	next_is(&key[3]);
	next_is(&key[1]);
	next_is(NULL);
	wq_cursor_end(&cursor);
	next_is(NULL);
}
END_TEST

START_TEST(a_cursor_that_stays_may_begin_where_there_is_no_key)
{
	wq_cursor_begin_and_stay(&registry, &cursor);
	next_is(NULL);
	add(0);
	next_is(&key[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *c = tcase_create("registry");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_key_that_leaves_is_stepped_over_and_one_that_comes_is_reached);
	tcase_add_test(c, a_cursor_that_stays_reaches_what_comes_after_the_last_has_left);
	tcase_add_test(c, a_cursor_that_stays_may_begin_where_there_is_no_key);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
