/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which changes of a key a snapshot shows. Each change is made to a key that was found
 * unchanged before, and must be posted once and never again. See also test_keys_bridge.c.
 */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array_size.h"
#include "bridge.h"
#include "run.h"

/* The owner may do everything but Read, which a possessor may. */
#define OWNER  (KEY_USR_VIEW | KEY_USR_WRITE | KEY_USR_LINK | KEY_USR_SETATTR)
#define SEEN   (KEY_POS_ALL | OWNER)
#define UNSEEN (KEY_POS_ALL & ~(unsigned int)KEY_POS_VIEW)
#define SEALED KEY_POS_SETATTR
#define LARGE  5000 /* bytes: more than a page; a user may have 20000 */
#define MANY   300  /* members: more than a first read has room for */

static int32_t key_a, key_b, ring;

/* ---- steps ---- */

static void nothing(void)
{
}

/* Checks that a call of keyctl(2) has succeeded. */
static void did(long r)
{
	ck_assert_msg(r >= 0, "keyctl: %s", strerror(errno));
}

static void put(const void *payload, size_t size)
{
	did(keyctl_update(key_a, payload, size));
}

/* Sets a payload of LARGE bytes that ends with LAST: KEYCTL_UPDATE does not take so many. */
static void put_large(char last)
{
	static char payload[LARGE];

	memset(payload, 'x', sizeof(payload));
	payload[LARGE - 1] = last;
	did(add_key("user", "wqfs-test:a", payload, LARGE, KEY_SPEC_SESSION_KEYRING));
}

static void same_length(void)
{
	put("2", 1);
}

static void same_again(void)
{
	put("1", 1);
}

static void longer(void)
{
	put("11", 2);
}

static void large_1(void)
{
	put_large('1');
}

static void large_2(void)
{
	put_large('2');
}

static void zeroes(void)
{
	put("\0", 2);
}

static void more_zeroes(void)
{
	put("\0\0", 3);
}

static void perm(int32_t key, uint32_t perm)
{
	did(keyctl_setperm(key, perm));
}

static void seen(void)
{
	perm(key_a, SEEN);
}

static void unseen(void)
{
	perm(key_a, UNSEEN);
}

static void sealed(void)
{
	perm(key_a, SEALED);
}

static void no_read(void)
{
	perm(key_a, OWNER);
}

static void update_unseen(void)
{
	unseen();
	same_length();
}

static void update_unread(void)
{
	no_read();
	same_length();
}

static void ring_no_read(void)
{
	perm(ring, OWNER);
}

static void ring_seen(void)
{
	perm(ring, SEEN);
}

static void chown_a(void)
{
	did(keyctl_chown(key_a, 12, (gid_t)-1));
}

static void chgrp_a(void)
{
	did(keyctl_chown(key_a, (uid_t)-1, 34));
}

static void revoke_a(void)
{
	did(keyctl_revoke(key_a));
}

static void revoke_unseen(void)
{
	unseen();
	revoke_a();
}

static void set_timeout(void)
{
	did(keyctl_set_timeout(key_a, 1));
}

static void expire(void)
{
	while (keyctl_describe(key_a, NULL, 0) >= 0)
		usleep(10000);
	ck_assert_int_eq(errno, EKEYEXPIRED);
}

static void set_timeout_and_expire(void)
{
	set_timeout();
	expire();
}

static void link_to(int32_t key, int32_t to)
{
	did(keyctl_link(key, to));
}

static void link_a(void)
{
	link_to(key_a, ring);
}

static void link_b(void)
{
	link_to(key_b, ring);
}

static void link_both(void)
{
	link_a();
	link_b();
}

static void unlink_a(void)
{
	did(keyctl_unlink(key_a, ring));
}

static void one_for_the_other(void)
{
	unlink_a();
	link_b();
}

static void again(void)
{
	unlink_a();
	link_a();
}

static void clear_and_link(void)
{
	did(keyctl_clear(ring));
	link_a();
}

static void link_many(void)
{
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "wqfs-test:member%d", i);
		ck_assert_int_gt(add_key("keyring", name, NULL, 0, ring), 0);
	}
}

/* We can read it only by possession. We lose that, without a change of attributes, when its
 * only link is in a keyring that may not be searched. */
static void lose(void)
{
	perm(ring, OWNER);
	link_a();
	did(keyctl_unlink(key_a, KEY_SPEC_SESSION_KEYRING));
}

static void regain(void)
{
	link_to(key_a, KEY_SPEC_SESSION_KEYRING);
}

static void lose_and_regain(void)
{
	lose();
	scan_all();
	regain();
}

/* ---- */

/* BEFORE is done before the watch. */
static const struct {
	const char *says;
	void (*before)(void), (*change)(void);
	bool of_ring; /* the ring is watched, else key A */
	bool root;
	const char *records;
} changes[] = {
	{"a payload of the same length", nothing, same_length, false, false, "1:0"},
	{"the same payload again is not seen", nothing, same_again, false, false, ""},
	{"a longer payload", nothing, longer, false, false, "1:0"},
	{"a shorter payload", longer, same_again, false, false, "1:0"},
	{"the last byte of a large payload", large_1, large_2, false, false, "1:0"},
	{"a large payload after a small one", nothing, large_1, false, false, "1:0"},
	{"a zero more at its end", zeroes, more_zeroes, false, false, "1:0"},
	{"permissions", seen, no_read, false, false, "7:0"},
	{"an owner", seen, chown_a, false, true, "7:0"},
	{"a group", seen, chgrp_a, false, true, "7:0"},
	{"Read that is lost", seen, no_read, false, false, "7:0"},
	{"Read that is had", no_read, seen, false, false, "7:0"},
	{"an update that cannot be read", seen, update_unread, false, false, "7:0"},
	{"View that is lost", seen, unseen, false, false, "7:0"},
	{"View and Read that are lost", seen, sealed, false, false, "7:0"},
	{"an update that cannot be viewed", seen, update_unseen, false, false, "7:0"},
	{"a revocation", seen, revoke_a, false, false, "5:0"},
	{"a revocation of what was made unviewable", seen, revoke_unseen, false, false, "5:0"},
	{"a timeout", nothing, set_timeout, false, false, "7:0"},
	{"expiry whose timeout was known tells nothing", set_timeout, expire, false, false, ""},
	{"expiry whose timeout was not seen is one", nothing, set_timeout_and_expire, false,
		false, "7:0"},
	{"possession that is lost and had back", seen, lose_and_regain, false, false, ""},
	{"one link for another", link_a, one_for_the_other, true, false, "3:A 2:B"},
	{"members in another order", link_both, again, true, false, ""},
	{"the only member anew", link_a, again, true, false, ""},
	{"a clear of what is linked again is not seen", link_a, clear_and_link, true, false,
		""},
	{"a link among many", link_many, link_a, true, false, "2:A"},
	{"an unlink among many", link_many, nothing, true, false, ""},
	{"members that cannot be read any more", link_a, ring_no_read, true, false, "7:0"},
	{"members that can be read", ring_no_read, ring_seen, true, false, "7:0"},
};

static void make_keys(void)
{
	key_a = add("wqfs-test:a");
	key_b = add("wqfs-test:b");
	ring = add_ring("wqfs-test:ring");
}

/* Posted once, it is known. */
static void is_told_once(const char *says, const char *want)
{
	const char *got;

	scan_all();
	got = records(key_a, key_b);
	ck_assert_msg(!strcmp(got, want), "%s: \"%s\", not \"%s\"", says, got, want);
	scan_all();
	got = records(key_a, key_b);
	ck_assert_msg(!*got, "%s: \"%s\" when it was told", says, got);
}

START_TEST(changes_are_told_once)
{
	if (changes[_i].root && geteuid() != 0)
		return;
	make_keys();
	changes[_i].before();
	ck_assert_int_eq(watch(changes[_i].of_ring ? ring : key_a), 0);
	is_told_once("nothing", "");
	changes[_i].change();
	is_told_once(changes[_i].says, changes[_i].records);
}
END_TEST

/* Later snapshots are compared with what the key has become. */
static const struct {
	const char *says;
	bool of_ring;
	struct {
		void (*change)(void);
		const char *records;
	} steps[4];
} courses[] = {
	{"a payload that comes back", false,
		{{same_length, "1:0"}, {same_again, "1:0"}, {same_length, "1:0"}}},
	{"a key that is hidden and seen again", false,
		{{seen, "7:0"}, {unseen, "7:0"}, {seen, "7:0"}, {same_length, "1:0"}}},
	{"an update while it was hidden", false,
		{{seen, "7:0"}, {update_unseen, "7:0"}, {seen, "1:0 7:0"}, {longer, "1:0"}}},
	{"a key that was not readable and is again", false,
		{{no_read, "7:0"}, {seen, "7:0"}, {same_length, "1:0"}, {same_again, "1:0"}}},
	{"an update while it was not readable, of the same length", false,
		{{no_read, "7:0"}, {same_length, ""}, {seen, "7:0"}, {same_again, "1:0"}}},
	{"possession that is lost, and had back", false,
		{{seen, "7:0"}, {lose, ""}, {regain, ""}, {same_length, "1:0"}}},
	{"an update without possession", false,
		{{seen, "7:0"}, {lose, ""}, {same_length, ""}, {regain, ""}}},
	{"an update after possession was had back", false,
		{{seen, "7:0"}, {lose_and_regain, ""}, {same_length, "1:0"}}},
	{"a key that is revoked when it is hidden", false,
		{{seen, "7:0"}, {unseen, "7:0"}, {revoke_a, "5:0"}, {nothing, ""}}},
	{"members that change places, then one more", true,
		{{link_a, "2:A"}, {again, ""}, {link_b, "2:B"}, {unlink_a, "3:A"}}},
	{"links while the members could not be read", true,
		{{ring_no_read, "7:0"}, {link_a, ""}, {ring_seen, "7:0"}, {link_b, "2:B"}}},
};

START_TEST(each_change_is_told_from_the_last_one)
{
	make_keys();
	ck_assert_int_eq(watch(courses[_i].of_ring ? ring : key_a), 0);
	for (int i = 0; i < 4 && courses[_i].steps[i].change; i++) {
		courses[_i].steps[i].change();
		is_told_once(courses[_i].says, courses[_i].steps[i].records);
	}
}
END_TEST

/* In between, another key was compared. */
START_TEST(hidden_key_is_compared_with_what_it_was)
{
	make_keys();
	seen();
	did(keyctl_update(key_b, "another", 7));
	ck_assert_int_eq(watch(key_a), 0);
	ck_assert_int_eq(watch(key_b), 0);
	is_told_once("nothing", "");
	did(keyctl_update(key_b, "a third", 7));
	is_told_once("an update of the other", "1:0");
	unseen();
	scan_all();
	ck_assert_str_eq(records(0, 0), "7:0");
	seen();
	is_told_once("View that is had", "7:0");
	same_length();
	is_told_once("a payload", "1:0");
}
END_TEST

/* /proc/keys shows the length. */
START_TEST(update_that_cannot_be_read_is_seen_by_its_length)
{
	make_keys();
	did(keyctl_setperm(key_a, OWNER));
	ck_assert_int_eq(watch(key_a), 0);
	is_told_once("nothing", "");
	longer();
	is_told_once("a longer payload", "1:0");
	same_again();
	is_told_once("a shorter payload", "1:0");
}
END_TEST

/* Nobody may read a logon key. */
START_TEST(update_of_a_type_that_is_not_read_is_seen_by_its_length)
{
	key_a = add_key("logon", "wqfs-test:logon", "1", 1, KEY_SPEC_SESSION_KEYRING);
	ck_assert_int_gt(key_a, 0);
	ck_assert_int_eq(watch(key_a), 0);
	is_told_once("nothing", "");
	same_length();
	is_told_once("a payload of the same length", "");
	longer();
	is_told_once("a longer payload", "1:0");
	seen();
	is_told_once("permissions", "7:0");
}
END_TEST

START_TEST(longest_description_is_compared_whole)
{
	char name[4096];

	memset(name, 'd', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	key_a = add(name);
	ck_assert_int_eq(watch(key_a), 0);
	is_told_once("nothing", "");
	same_length();
	is_told_once("a payload", "1:0");
	seen();
	is_told_once("permissions", "7:0");
	revoke_a();
	is_told_once("a revocation", "5:0");
}
END_TEST

/* Another key of its name takes its place. */
START_TEST(displaced_member_is_found_among_many)
{
	make_keys();
	link_many();
	link_a();
	ck_assert_int_eq(watch(ring), 0);
	for (int i = 0; i < 4; i++) /* each scan learns some of the names */
		scan_all();
	is_told_once("nothing", "");
	did(keyctl_unlink(key_b, KEY_SPEC_SESSION_KEYRING));
	key_b = add_key("keyring", "wqfs-test:other", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	ck_assert_int_gt(key_b, 0);
	key_b = add_key("user", "wqfs-test:a", "2", 1, key_b);
	ck_assert_int_gt(key_b, 0);
	link_b();
	is_told_once("a displacement", "2:B");
}
END_TEST

/* When another user starts to watch a key, and the key is seen as that user from then on,
 * earlier watches get the changes before that, and the new one does not. */
START_TEST(what_was_done_before_it_is_seen_as_another_is_told)
{
	struct wq_queue *others = wq_queue_new(&bridge_ops, NULL, NULL);
	struct wq_caller other = self;
	struct wqfs_stats stats = {0};

	if (geteuid() != 0)
		return;
	make_keys();
	seen();
	ck_assert_int_eq(watch(key_a), 0);
	is_told_once("nothing", "");
	same_length();
	perm(key_a,
		KEY_POS_SEARCH | KEY_POS_WRITE | KEY_POS_SETATTR | KEY_OTH_VIEW | KEY_OTH_READ);
	other.uid = other.gid = 54321;
	ck_assert_int_eq(wq_queue_set_size(others, 16), 0);
	ck_assert_int_eq(wq_keys_watch(keys, others, key_a, ID, &other), 0);
	is_told_once("what was done before", "7:0 1:0");
	wq_queue_stats(others, &stats);
	ck_assert_uint_eq(stats.posted, 0);
	put("3", 1);
	is_told_once("an update after it", "1:0");
	wq_queue_stats(others, &stats);
	ck_assert_uint_eq(stats.posted, 1);
	wq_queue_put(others);
}
END_TEST

/* UID, who may not change KEY, reports an update of it. */
static void report_update(uid_t uid, int32_t key)
{
	struct wq_caller caller = self;
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE, .arg = {key}, .begin_ns = wq_now_ns()};

	caller.uid = uid;
	caller.gid = (gid_t)uid;
	caller.in_group = bridge_in_no_group;
	r.end_ns = wq_now_ns();
	ck_assert_int_eq(wq_keys_report(keys, &r, &caller), 0);
}

/* A report that is not believed makes the daemon compare its key: at once while its user has
 * time left. */
START_TEST(who_has_its_share_used_up_takes_nothing_of_anothers)
{
	int32_t key = add("wqfs-test:flooded");
	char payload[16];
	const char *told;
	int i = 0;

	ck_assert_int_eq(watch(key), 0);
	do {
		ck_assert_int_ge(keyctl_update(key, payload,
					 (size_t)snprintf(payload, sizeof(payload), "%d", i++)),
			0);
		report_update(54321, key);
		told = records(0, 0);
	} while (!strcmp(told, "1:0"));
	ck_assert_str_eq(told, "");
	report_update(54322, key);
	ck_assert_str_eq(records(0, 0), "1:0");
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *one;

	if (!have_keys(true))
		return 77;
	suite = suite_create("keys_changes");
	one = tcase_create("changes");
	tcase_add_checked_fixture(one, set_up, tear_down);
	tcase_add_loop_test(one, changes_are_told_once, 0, ARRAY_SIZE(changes));
	tcase_add_loop_test(one, each_change_is_told_from_the_last_one, 0, ARRAY_SIZE(courses));
	tcase_add_test(one, hidden_key_is_compared_with_what_it_was);
	tcase_add_test(one, update_that_cannot_be_read_is_seen_by_its_length);
	tcase_add_test(one, update_of_a_type_that_is_not_read_is_seen_by_its_length);
	tcase_add_test(one, longest_description_is_compared_whole);
	tcase_add_test(one, displaced_member_is_found_among_many);
	tcase_add_test(one, what_was_done_before_it_is_seen_as_another_is_told);
	tcase_add_test(one, who_has_its_share_used_up_takes_nothing_of_anothers);
	suite_add_tcase(suite, one);
	return run_suite(suite);
}
