/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, inodes, owners, and how long each node lives. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "base/libc.h"
#include "fuse/namespace.h"
#include "run.h"

#define USER 1000

static struct wq_namespace ns;
static const struct wq_queue_ops no_ops;

/* After so many more allocations there is no memory; below 0 there always is. */
static int allocations = -1;

static bool is_out_of_memory(void)
{
	return allocations == 0 || (allocations > 0 && --allocations < 0);
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t n)
{
	return is_out_of_memory() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_calloc(n, size);
}

static void set_up(void)
{
	wq_namespace_init(&ns);
	ns.ops = &no_ops;
	ns.default_size = 64;
	ns.max_size = 512;
	ns.max_queues = 2;
}

static void tear_down(void)
{
	wq_namespace_fini(&ns);
}

static struct wq_node *create(const char *name, uid_t uid)
{
	struct wq_node *node = NULL;

	ck_assert_int_eq(wq_namespace_create(&ns, name, 0640, uid, 5, &node), 0);
	ck_assert_ptr_nonnull(node);
	return node;
}

static uint32_t size_of(const struct wq_node *node)
{
	struct wqfs_stats s = {0};

	wq_queue_stats(node->queue, &s);
	return s.size;
}

START_TEST(queue_is_found_by_name_and_inode)
{
	struct wq_node *a = create("a", USER), *b = create("b", 0);

	ck_assert_ptr_eq(wq_namespace_find(&ns, "a"), a);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "b"), b);
	ck_assert_ptr_null(wq_namespace_find(&ns, "c"));
	ck_assert_ptr_eq(wq_namespace_inode(&ns, a->ino), a);
	ck_assert_ptr_null(wq_namespace_inode(&ns, 999));
	ck_assert_uint_ne(a->ino, b->ino);
	ck_assert_uint_gt(a->ino, WQ_ROOT_INO);
	ck_assert_uint_eq(ns.names, 2);
	ck_assert_uint_eq(size_of(a), 64);
	ck_assert_ptr_eq(wq_queue_owner(a->queue), a);
}
END_TEST

START_TEST(new_queue_has_what_its_creator_gave)
{
	struct wq_node *node = create("a", USER);
	struct stat st;

	wq_node_stat(node, &st);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(st.st_uid, USER);
	ck_assert_uint_eq(st.st_gid, 5);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_uint_eq(st.st_ino, node->ino);
}
END_TEST

START_TEST(no_more_than_permissions_make_a_mode)
{
	struct wq_node *node;
	struct stat st;

	ck_assert_int_eq(wq_namespace_create(&ns, "a", S_IFDIR | 0751, 0, 0, &node), 0);
	wq_node_stat(node, &st);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0751);
}
END_TEST

START_TEST(who_holds_it_is_charged_for_what_its_maker_removed)
{
	static const char *const names[] = {"a", "b", "c"};
	struct wq_node *node;

	for (int i = 0; i < 3; i++) {
		node = create(names[i], USER);
		ck_assert_int_eq(
			wq_namespace_may_open(&ns, node, USER + 1), i < 2 ? 0 : -EDQUOT);
		ck_assert_int_eq(wq_namespace_may_open(&ns, node, USER), 0);
		ck_assert_int_eq(wq_namespace_may_open(&ns, node, 0), 0);
		node->opens = 1;
		ck_assert_int_eq(wq_namespace_unlink(&ns, names[i]), 0);
		wq_namespace_adopt(&ns, node, USER + 1);
		ck_assert_uint_eq(node->charged, USER + 1);
	}
	create("own", USER);
	create("own2", USER);
	ck_assert_int_eq(wq_namespace_create(&ns, "x", 0600, USER + 1, 5, &node), -EDQUOT);
	node = wq_namespace_inode(&ns, WQ_ROOT_INO + 1);
	wq_namespace_adopt(&ns, node, USER); /* it gets another holder */
	node->opens = 0;
	ck_assert(wq_namespace_reap(&ns, node));
	ck_assert_int_eq(
		wq_namespace_may_open(&ns, wq_namespace_find(&ns, "own"), USER + 1), -EDQUOT);
	node = wq_namespace_inode(&ns, WQ_ROOT_INO + 2);
	node->opens = 0;
	ck_assert(wq_namespace_reap(&ns, node));
	ck_assert_int_eq(
		wq_namespace_may_open(&ns, wq_namespace_find(&ns, "own"), USER + 1), 0);
}
END_TEST

START_TEST(public_attributes_say_nothing_of_records)
{
	struct wq_node *node = create("a", USER);
	struct stat all, some;

	wq_queue_note_loss(node->queue);
	wq_node_stat(node, &all);
	wq_node_stat_public(node, &some);
	ck_assert_int_eq(some.st_size, 0);
	ck_assert_mem_eq(&some.st_mtim, &some.st_ctim, sizeof(some.st_mtim));
	ck_assert_mem_eq(&some.st_atim, &some.st_ctim, sizeof(some.st_atim));
	some.st_mtim = some.st_atim = all.st_mtim;
	ck_assert_mem_eq(&some, &all, sizeof(all));
}
END_TEST

static bool is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Is the directory's time, or NODE's, later than in ST? Stores the new time in ST. */
static bool changed(struct stat *st)
{
	struct timespec before = st->st_mtim;

	wq_namespace_stat(&ns, st);
	return is_later(st->st_mtim, before);
}

static bool node_changed(const struct wq_node *node, struct stat *st)
{
	struct timespec before = st->st_ctim;

	wq_node_stat(node, st);
	return is_later(st->st_ctim, before);
}

START_TEST(times_are_those_of_the_last_change_of_names)
{
	struct stat dir, st = {0};
	struct wq_node *a;

	wq_namespace_stat(&ns, &dir);
	ck_assert(!changed(&dir));
	a = create("a", 0);
	ck_assert(changed(&dir));
	wq_node_stat(a, &st);
	ck_assert(!node_changed(a, &st));
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "b", 0), 0);
	ck_assert(changed(&dir));
	ck_assert(node_changed(a, &st));
	ck_assert_int_eq(wq_namespace_rename(&ns, "b", "b", 0), 0);
	ck_assert(!changed(&dir));
	a->opens = 1;
	ck_assert_int_eq(wq_namespace_unlink(&ns, "b"), 0);
	ck_assert(changed(&dir));
	ck_assert(node_changed(a, &st));
	create(WQFS_ANONYMOUS, 0);
	ck_assert(!changed(&dir));
}
END_TEST

START_TEST(root_is_a_sticky_directory)
{
	struct stat st;

	wq_namespace_stat(&ns, &st);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01777);
	ck_assert_uint_eq(st.st_ino, WQ_ROOT_INO);
}
END_TEST

START_TEST(names_are_checked)
{
	char name[WQFS_NAME_MAX + 2];
	struct wq_node *node;

	memset(name, 'n', sizeof(name));
	name[WQFS_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(wq_namespace_create(&ns, name, 0, 0, 0, &node), -ENAMETOOLONG);
	name[WQFS_NAME_MAX] = '\0';
	create(name, 0);
	ck_assert_int_eq(wq_namespace_create(&ns, name, 0, 0, 0, &node), -EEXIST);
	ck_assert_int_eq(wq_namespace_unlink(&ns, "none"), -ENOENT);
	create("short", 0);
	name[WQFS_NAME_MAX] = 'n';
	ck_assert_int_eq(wq_namespace_rename(&ns, "short", name, 0), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(wq_namespace_find(&ns, "short"));
}
END_TEST

START_TEST(users_are_limited_and_root_is_not)
{
	struct wq_node *node;

	create("a", USER);
	create("b", USER);
	ck_assert_int_eq(wq_namespace_create(&ns, "c", 0, USER, 0, &node), -EDQUOT);
	ck_assert_ptr_null(wq_namespace_find(&ns, "c"));
	create("c", USER + 1);
	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "root%d", i);
		create(name, 0);
	}
	ck_assert_int_eq(wq_namespace_unlink(&ns, "a"), 0);
	create("d", USER);
	ns.max_queues = 0;
	create("e", USER);
}
END_TEST

START_TEST(creation_that_fails_costs_nothing)
{
	struct wq_node *node;

	ns.default_size = 1024; /* more than max_size */
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(wq_namespace_create(&ns, "a", 0, USER, 0, &node), -EINVAL);
	ns.default_size = 64;
	create("a", USER);
	create("b", USER);
}
END_TEST

/* A node counts for its creator, whoever owns it later. */
START_TEST(giving_a_queue_away_does_not_free_its_creators_place)
{
	struct wq_node *node = create("a", USER), *other;

	create("b", USER);
	node->uid = USER + 1;
	ck_assert_int_eq(wq_namespace_create(&ns, "c", 0, USER, 0, &other), -EDQUOT);
	ck_assert_int_eq(wq_namespace_unlink(&ns, "a"), 0);
	create("c", USER);
}
END_TEST

START_TEST(node_lives_while_anything_keeps_it)
{
	struct wq_node *node = create("a", 0);
	uint64_t ino = node->ino;
	struct stat st;

	node->lookups = 1;
	node->opens = 1;
	ck_assert_int_eq(wq_namespace_unlink(&ns, "a"), 0);
	ck_assert_ptr_eq(wq_namespace_inode(&ns, ino), node);
	wq_node_stat(node, &st);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert(!wq_namespace_reap(&ns, node));
	node->opens = 0;
	ck_assert(!wq_namespace_reap(&ns, node)); /* the kernel knows its inode */
	node->opens = 1;
	node->lookups = 0;
	ck_assert(!wq_namespace_reap(&ns, node));
	node->opens = 0;
	ck_assert(wq_namespace_reap(&ns, node));
	ck_assert_ptr_null(wq_namespace_inode(&ns, ino));
}
END_TEST

START_TEST(inode_numbers_are_not_used_twice)
{
	uint64_t last = WQ_ROOT_INO;

	for (int i = 0; i < 100; i++) {
		struct wq_node *node = create("a", 0);

		ck_assert_uint_gt(node->ino, last);
		last = node->ino;
		ck_assert_int_eq(wq_namespace_unlink(&ns, "a"), 0);
	}
}
END_TEST

START_TEST(anonymous_queue_has_no_name_and_no_size)
{
	struct wq_node *a = create(WQFS_ANONYMOUS, USER), *b = create(WQFS_ANONYMOUS, USER);
	struct wq_node *node;
	struct stat st;

	ck_assert_ptr_ne(a, b);
	ck_assert_ptr_null(wq_namespace_find(&ns, WQFS_ANONYMOUS));
	ck_assert(a->anonymous);
	ck_assert_uint_eq(size_of(a), 0);
	ck_assert_uint_eq(ns.names, 0);
	wq_node_stat(a, &st);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(wq_namespace_create(&ns, "a", 0, USER, 0, &node), -EDQUOT);
	ck_assert(wq_namespace_reap(&ns, a));
	create("a", USER);
}
END_TEST

START_TEST(rename_moves_the_name)
{
	struct wq_node *a = create("a", 0);

	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "b", 0), 0);
	ck_assert_ptr_null(wq_namespace_find(&ns, "a"));
	ck_assert_ptr_eq(wq_namespace_find(&ns, "b"), a);
	ck_assert_str_eq(a->name->text, "b");
	ck_assert_int_eq(wq_namespace_rename(&ns, "b", "b", 0), 0);
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "c", 0), -ENOENT);
}
END_TEST

START_TEST(rename_over_another_unlinks_it)
{
	struct wq_node *a = create("a", 0), *b = create("b", 0);

	b->opens = 1;
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "b", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "a", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "b", 0), 0);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "b"), a);
	ck_assert_ptr_null(b->name);
	ck_assert_uint_eq(ns.names, 1);
	b->opens = 0;
	ck_assert(wq_namespace_reap(&ns, b));
}
END_TEST

/* Calls wq_namespace_rename() with no memory after N allocations. */
static int rename_short_of_memory(int n, const char *from, const char *to, unsigned int flags)
{
	int r;

	allocations = n;
	r = wq_namespace_rename(&ns, from, to, flags);
	allocations = -1;
	return r;
}

START_TEST(rename_without_memory_loses_no_name)
{
	struct wq_node *a = create("a", 0), *b = create("b", 0);
	int r = -ENOMEM;

	ck_assert_int_eq(rename_short_of_memory(0, "a", "b", RENAME_EXCHANGE), 0);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "a"), b);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "b"), a);
	ck_assert_int_eq(rename_short_of_memory(0, "a", "b", 0), 0);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "b"), b);
	ck_assert_uint_eq(ns.names, 1);
	for (int n = 0; r == -ENOMEM; n++) {
		r = rename_short_of_memory(n, "b", "c", 0);
		ck_assert(r == 0 || r == -ENOMEM);
		ck_assert_ptr_eq(wq_namespace_find(&ns, r ? "b" : "c"), b);
		ck_assert_ptr_null(wq_namespace_find(&ns, r ? "c" : "b"));
		ck_assert_ptr_nonnull(b->name);
		ck_assert_uint_eq(ns.names, 1);
	}
}
END_TEST

START_TEST(exchange_swaps_the_names)
{
	struct wq_node *a = create("a", 0), *b = create("b", 0);

	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "b", RENAME_EXCHANGE), 0);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "a"), b);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "b"), a);
	ck_assert_uint_eq(ns.names, 2);
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "c", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "c", RENAME_WHITEOUT), -EINVAL);
}
END_TEST

/* Whoever opens that name must get a new queue. */
START_TEST(name_of_anonymous_queues_can_be_nobodys)
{
	static const unsigned int flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};
	struct wq_node *a = create("a", 0), *anonymous = create(WQFS_ANONYMOUS, 0);

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		ck_assert_int_eq(
			wq_namespace_rename(&ns, "a", WQFS_ANONYMOUS, flags[i]), -EPERM);
	ck_assert_int_eq(wq_namespace_rename(&ns, "none", WQFS_ANONYMOUS, 0), -EPERM);
	ck_assert_ptr_eq(wq_namespace_find(&ns, "a"), a);
	ck_assert_str_eq(a->name->text, "a");
	ck_assert_ptr_null(wq_namespace_find(&ns, WQFS_ANONYMOUS));
	/* nor has the queue that was made by that name this name */
	ck_assert_int_eq(wq_namespace_rename(&ns, WQFS_ANONYMOUS, "b", 0), -ENOENT);
	ck_assert_int_eq(
		wq_namespace_rename(&ns, WQFS_ANONYMOUS, "a", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(wq_namespace_unlink(&ns, WQFS_ANONYMOUS), -ENOENT);
	ck_assert_uint_eq(ns.names, 1);
	ck_assert(wq_namespace_reap(&ns, anonymous));
}
END_TEST

/* readdir() is sorted by inode number. */
START_TEST(named_ones_stand_in_the_order_of_their_inodes)
{
	const struct wq_node *node;
	uint64_t last = 0;
	unsigned int n = 0;

	create("a", 0);
	create("b", 0);
	create("c", 0);
	ck_assert_int_eq(wq_namespace_rename(&ns, "a", "z", 0), 0);
	ck_assert_int_eq(wq_namespace_rename(&ns, "c", "b", RENAME_EXCHANGE), 0);
	TAILQ_FOREACH (node, &ns.named, node) {
		ck_assert_uint_gt(node->ino, last);
		last = node->ino;
		n++;
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("namespace");
	TCase *names = tcase_create("names"), *life = tcase_create("life");

	tcase_add_checked_fixture(names, set_up, tear_down);
	tcase_add_test(names, queue_is_found_by_name_and_inode);
	tcase_add_test(names, new_queue_has_what_its_creator_gave);
	tcase_add_test(names, no_more_than_permissions_make_a_mode);
	tcase_add_test(names, public_attributes_say_nothing_of_records);
	tcase_add_test(names, times_are_those_of_the_last_change_of_names);
	tcase_add_test(names, root_is_a_sticky_directory);
	tcase_add_test(names, names_are_checked);
	tcase_add_test(names, rename_moves_the_name);
	tcase_add_test(names, rename_over_another_unlinks_it);
	tcase_add_test(names, rename_without_memory_loses_no_name);
	tcase_add_test(names, exchange_swaps_the_names);
	tcase_add_test(names, name_of_anonymous_queues_can_be_nobodys);
	tcase_add_test(names, named_ones_stand_in_the_order_of_their_inodes);
	suite_add_tcase(suite, names);
	tcase_add_checked_fixture(life, set_up, tear_down);
	tcase_add_test(life, users_are_limited_and_root_is_not);
	tcase_add_test(life, creation_that_fails_costs_nothing);
	tcase_add_test(life, giving_a_queue_away_does_not_free_its_creators_place);
	tcase_add_test(life, who_holds_it_is_charged_for_what_its_maker_removed);
	tcase_add_test(life, node_lives_while_anything_keeps_it);
	tcase_add_test(life, inode_numbers_are_not_used_twice);
	tcase_add_test(life, anonymous_queue_has_no_name_and_no_size);
	suite_add_tcase(suite, life);
	return run_suite(suite);
}
