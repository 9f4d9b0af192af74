/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which records a difference between two snapshots of a key means. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "keys/key_state.h"
#include "run.h"

#define MAX_MEMBERS 5

/* A short form of a snapshot. */
struct brief {
	enum wq_key_life life;
	uint32_t uid, gid, perm;
	enum wq_key_payload payload;
	uint8_t digest;			  /* of a payload */
	size_t len;			  /* of a payload */
	int32_t members[MAX_MEMBERS + 1]; /* of a keyring; sorted; 0 ends them */
	uint64_t names[MAX_MEMBERS];
};

struct change {
	const char *says;
	struct brief old, new;
	bool blind;	     /* we see it by possession */
	int32_t collected;   /* a member that is found dead */
	const char *records; /* subtype:aux, separated by blanks */
};

#define KEY(...)                                                                 \
	{                                                                        \
		.payload = WQ_PAYLOAD_DIGEST, .digest = 1, .len = 1, __VA_ARGS__ \
	}
#define RING(...)                                          \
	{                                                  \
		.payload = WQ_PAYLOAD_MEMBERS, __VA_ARGS__ \
	}
#define LIFE(is)           \
	{                  \
		.life = is \
	}

static const struct change changes[] = {
	/* nothing */
	{"a key that is the same", KEY(.perm = 1), KEY(.perm = 1), .records = ""},
	{"a keyring that is the same", RING(.members = {3, 4}), RING(.members = {3, 4}),
		.records = ""},
	/* UPDATED */
	{"another payload", KEY(.perm = 0),
		{.payload = WQ_PAYLOAD_DIGEST, .digest = 2, .len = 1}, .records = "1:0"},
	{"another length", KEY(.perm = 0),
		{.payload = WQ_PAYLOAD_DIGEST, .digest = 1, .len = 2}, .records = "1:0"},
	{"a payload that can be read at last", {.payload = WQ_PAYLOAD_UNREADABLE},
		KEY(.perm = 0), .records = ""},
	{"a payload that cannot be read any more", KEY(.perm = 0),
		{.payload = WQ_PAYLOAD_UNREADABLE}, .records = ""},
	{"a payload that is never read", {.payload = WQ_PAYLOAD_UNREAD},
		{.payload = WQ_PAYLOAD_UNREAD}, .records = ""},
	/* LINKED and UNLINKED */
	{"a first member", RING(.perm = 0), RING(.members = {3}), .records = "2:3"},
	{"new members in the order of their serials", RING(.members = {5}),
		RING(.members = {3, 5, 9}), .records = "2:3 2:9"},
	{"the last member gone", RING(.members = {3}), RING(.perm = 0), .records = "3:3"},
	{"one of several gone", RING(.members = {3, 4, 5}), RING(.members = {3, 5}),
		.records = "3:4"},
	{"gone ones come before new ones", RING(.members = {3, 9}), RING(.members = {4, 9}),
		.records = "3:3 2:4"},
	{"as many, but others", RING(.members = {1, 2}), RING(.members = {3, 4}),
		.records = "3:1 3:2 2:3 2:4"},
	/* CLEARED */
	{"several gone and none left", RING(.members = {3, 4, 5}), RING(.perm = 0),
		.records = "4:0"},
	{"several gone, one of them dead", RING(.members = {3, 4, 5}), RING(.perm = 0),
		.collected = 4, .records = "4:0"},
	{"two gone, one of them dead: that was an unlink", RING(.members = {3, 4}),
		RING(.perm = 0), .collected = 4, .records = "3:3"},
	/* collected: the kernel posts nothing */
	{"a dead member collected", RING(.members = {3, 4}), RING(.members = {4}),
		.collected = 3, .records = ""},
	{"the only member collected", RING(.members = {3}), RING(.perm = 0), .collected = 3,
		.records = ""},
	/* displacement: the kernel posts the link alone */
	{"a member displaced by its like", RING(.members = {3, 4}, .names = {7, 8}),
		RING(.members = {4, 5}, .names = {8, 7}), .records = "2:5"},
	{"a member replaced by another", RING(.members = {3, 4}, .names = {7, 8}),
		RING(.members = {4, 5}, .names = {8, 9}), .records = "3:3 2:5"},
	{"a member whose name is not known is not displaced",
		RING(.members = {3}, .names = {0}), RING(.members = {5}, .names = {0}),
		.records = "3:3 2:5"},
	{"its like was there before", RING(.members = {3, 4}, .names = {7, 7}),
		RING(.members = {4}, .names = {7}), .records = "3:3"},
	/* REVOKED and INVALIDATED, once */
	{"a revoked key", KEY(.perm = 0), LIFE(WQ_KEY_REVOKED), .records = "5:0"},
	{"a key revoked while hidden", LIFE(WQ_KEY_HIDDEN), LIFE(WQ_KEY_REVOKED),
		.records = "5:0"},
	{"an expired key that is revoked", LIFE(WQ_KEY_EXPIRED), LIFE(WQ_KEY_REVOKED),
		.records = "5:0"},
	{"revoked before", LIFE(WQ_KEY_REVOKED), LIFE(WQ_KEY_REVOKED), .records = ""},
	{"an invalidated key", KEY(.perm = 0), LIFE(WQ_KEY_INVALIDATED), .records = "6:0"},
	{"a revoked key that is invalidated", LIFE(WQ_KEY_REVOKED), LIFE(WQ_KEY_INVALIDATED),
		.records = "6:0"},
	{"invalidated before", LIFE(WQ_KEY_INVALIDATED), LIFE(WQ_KEY_INVALIDATED),
		.records = ""},
	{"revoked after it was invalidated cannot be", LIFE(WQ_KEY_INVALIDATED),
		LIFE(WQ_KEY_REVOKED), .records = ""},
	/* no records of their own */
	{"an expired key", KEY(.perm = 0), LIFE(WQ_KEY_EXPIRED), .records = ""},
	{"a key that is gone", KEY(.perm = 0), LIFE(WQ_KEY_DESTROYED), .records = ""},
	/* SETATTR */
	{"another owner", KEY(.uid = 1), KEY(.uid = 2), .records = "7:0"},
	{"another group", KEY(.gid = 1), KEY(.gid = 2), .records = "7:0"},
	{"other permissions", KEY(.perm = 1), KEY(.perm = 2), .records = "7:0"},
	{"all of these at once are one change", KEY(.uid = 1),
		KEY(.uid = 2, .gid = 2, .perm = 2), .records = "7:0"},
	{"the payload comes before the attributes", KEY(.perm = 1),
		{.payload = WQ_PAYLOAD_DIGEST, .digest = 2, .len = 1, .perm = 2},
		.records = "1:0 7:0"},
	{"a key that we may not view any more", KEY(.perm = 1), LIFE(WQ_KEY_HIDDEN),
		.records = "7:0"},
	{"a key that we do not possess any more", KEY(.perm = 1), LIFE(WQ_KEY_HIDDEN),
		.blind = true, .records = ""},
	{"hidden before", LIFE(WQ_KEY_HIDDEN), LIFE(WQ_KEY_HIDDEN), .records = ""},
};

#define NR_CHANGES ((int)ARRAY_SIZE(changes))

static struct wq_key_state full(const struct brief *b)
{
	struct wq_key_state s = {
		.life = b->life,
		.uid = b->uid,
		.gid = b->gid,
		.perm = b->perm,
		.payload = b->payload,
		.len = b->len,
	};

	s.digest[0] = b->digest;
	if (b->payload != WQ_PAYLOAD_MEMBERS)
		return s;
	for (size_t i = 0; b->members[i]; i++) {
		ck_assert_int_eq(wq_key_member_add(&s, b->members[i], b->names[i]), 0);
		s.digest[i + 1] = (uint8_t)b->members[i];
	}
	return s;
}

struct seen {
	const struct change *change;
	char records[256];
};

static void record(void *arg, enum key_notification_subtype subtype, uint32_t aux)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->records);

	snprintf(seen->records + n, sizeof(seen->records) - n, "%s%d:%u", n ? " " : "",
		(int)subtype, aux);
}

static enum wq_member_fate fate(void *arg, int32_t serial)
{
	const struct seen *seen = arg;

	return serial == seen->change->collected ? WQ_MEMBER_COLLECTED : WQ_MEMBER_UNLINKED;
}

static bool by_attributes(void *arg WQ_UNUSED, const struct wq_key_state *s WQ_UNUSED)
{
	return true;
}

static bool by_possession(void *arg WQ_UNUSED, const struct wq_key_state *s WQ_UNUSED)
{
	return false;
}

/* How a key is seen: by its attributes, or by possession. */
static const struct wq_diff_ops ops = {record, fate, by_attributes};
static const struct wq_diff_ops blind_ops = {record, fate, by_possession};

START_TEST(differences_become_the_records_of_the_kernel)
{
	const struct change *c = &changes[_i];
	struct wq_key_state old = full(&c->old), new = full(&c->new);
	struct seen seen = {.change = c};

	wq_key_diff(&old, &new, c->blind ? &blind_ops : &ops, &seen);
	ck_assert_msg(!strcmp(seen.records, c->records), "%s: \"%s\", not \"%s\"", c->says,
		seen.records, c->records);
	if (!c->collected)
		ck_assert_msg(wq_key_differs(&old, &new, c->blind ? blind_ops.sees : ops.sees,
				      &seen) == (c->records[0] != '\0'),
			"%s: is it a difference?", c->says);
	wq_key_state_fini(&old);
	wq_key_state_fini(&new);
}
END_TEST

/* A key that comes into view again is compared with what was known of it. */
START_TEST(key_that_comes_into_view_has_changed_its_attributes)
{
	struct wq_key_state old = full(&(struct brief)KEY(.perm = 1));
	struct wq_key_state new = full(&(struct brief)KEY(.perm = 1));
	struct change c = {0};
	struct seen seen = {.change = &c};

	old.life = WQ_KEY_HIDDEN;
	wq_key_diff(&old, &new, &ops, &seen);
	ck_assert_str_eq(seen.records, "7:0");
	seen.records[0] = '\0';
	wq_key_diff(&old, &new, &blind_ops, &seen);
	ck_assert_str_eq(seen.records, "");
	/* and with what has changed meanwhile */
	new.digest[0] = 9;
	wq_key_diff(&old, &new, &blind_ops, &seen);
	ck_assert_str_eq(seen.records, "1:0");
}
END_TEST

static struct wq_key_state ring_of(size_t n, int32_t first)
{
	struct wq_key_state s = {.payload = WQ_PAYLOAD_MEMBERS, .len = n};

	ck_assert_int_eq(wq_key_state_reserve(&s, n), 0);
	for (size_t i = 0; i < n; i++)
		s.members[i] = (struct wq_key_member){first + (int32_t)i, n - i};
	return s;
}

static void count_record(
	void *arg, enum key_notification_subtype subtype, uint32_t aux WQ_UNUSED)
{
	ck_assert_int_eq(subtype, NOTIFY_KEY_LINKED);
	++*(size_t *)arg;
}

static enum wq_member_fate no_fate(void *arg WQ_UNUSED, int32_t serial)
{
	ck_abort_msg("%d was displaced", serial);
	return WQ_MEMBER_UNLINKED;
}

/* Comparing each with each would take minutes. */
START_TEST(large_keyring_whose_members_are_all_displaced_is_compared_in_a_moment)
{
	enum { MEMBERS = 200000 };
	static const struct wq_diff_ops counting = {count_record, no_fate, NULL};
	struct wq_key_state old = ring_of(MEMBERS, 1), new = ring_of(MEMBERS, MEMBERS + 1);
	clock_t began = clock();
	size_t linked = 0;

	new.digest[0] = 1;
	ck_assert(wq_key_differs(&old, &new, NULL, NULL));
	wq_key_diff(&old, &new, &counting, &linked);
	ck_assert_uint_eq(linked, MEMBERS);
	ck_assert_int_lt(clock() - began, 2 * CLOCKS_PER_SEC);
	wq_key_state_fini(&old);
	wq_key_state_fini(&new);
}
END_TEST

START_TEST(members_stay_sorted)
{
	static const int32_t in[] = {5, 1, 9, 5, 3, 7};
	static const int32_t sorted[] = {1, 3, 5, 7, 9};
	struct wq_key_state s = {.payload = WQ_PAYLOAD_MEMBERS};

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		ck_assert_int_eq(wq_key_member_add(&s, in[i], 0), 0);
	ck_assert_uint_eq(s.len, 5);
	for (size_t i = 0; i < s.len; i++)
		ck_assert_int_eq(s.members[i].serial, sorted[i]);
	ck_assert_ptr_eq(wq_key_member_find(&s, 7), &s.members[3]);
	ck_assert_ptr_null(wq_key_member_find(&s, 4));
	wq_key_member_del(&s, 4);
	wq_key_member_del(&s, 1);
	wq_key_member_del(&s, 9);
	ck_assert_uint_eq(s.len, 3);
	ck_assert_int_eq(s.members[0].serial, 3);
	ck_assert_int_eq(s.members[2].serial, 7);
	wq_key_state_fini(&s);
}
END_TEST

START_TEST(name_of_a_member_is_learnt_and_kept)
{
	struct wq_key_state s = {.payload = WQ_PAYLOAD_MEMBERS};

	wq_key_member_add(&s, 5, 0);
	wq_key_member_add(&s, 5, 77);
	wq_key_member_add(&s, 5, 0);
	ck_assert_uint_eq(s.len, 1);
	ck_assert_uint_eq(wq_key_member_find(&s, 5)->name, 77);
	wq_key_state_fini(&s);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	uint32_t uid, gid, perm;
	const char *type, *description;
} describes[] = {
	{"user;0;0;3f010000;a:b", true, 0, 0, 0x3f010000, "user", "a:b"},
	{"keyring;1000;-1;ffffffff;_ses", true, 1000, (uint32_t)-1, 0xffffffff, "keyring",
		"_ses"},
	{"user;4294967294;65534;00000000;", true, 4294967294u, 65534, 0, "user", ""},
	{"user;0;0;3f010000;semi;colons;too", true, 0, 0, 0x3f010000, "user",
		"semi;colons;too"},
	{"", false, 0, 0, 0, NULL, NULL},
	{"user", false, 0, 0, 0, NULL, NULL},
	{"user;0", false, 0, 0, 0, NULL, NULL},
	{"user;0;0;", false, 0, 0, 0, NULL, NULL},
	{"user;0;0;3f010000", false, 0, 0, 0, NULL, NULL},
	{"user;x;0;3f010000;d", false, 0, 0, 0, NULL, NULL},
};

START_TEST(descriptions_are_taken_apart)
{
	char text[128];
	struct wq_key_state s = {.describe = text};

	snprintf(text, sizeof(text), "%s", describes[_i].text);
	ck_assert_msg(wq_key_state_parse(&s) == describes[_i].ok, "\"%s\"", text);
	if (!describes[_i].ok)
		return;
	ck_assert_uint_eq(s.uid, describes[_i].uid);
	ck_assert_uint_eq(s.gid, describes[_i].gid);
	ck_assert_uint_eq(s.perm, describes[_i].perm);
	ck_assert(wq_key_is_type(&s, describes[_i].type));
	ck_assert(!wq_key_is_type(&s, "use"));
	ck_assert_str_eq(wq_key_description(&s), describes[_i].description);
}
END_TEST

START_TEST(attributes_that_are_copied_read_as_they_are)
{
	char text[] = "user;1000;100;3f3f0000;a";
	struct wq_key_state from = {.describe = text}, s = {.len = 3};

	ck_assert(wq_key_state_parse(&from));
	ck_assert_int_eq(wq_key_state_copy_attrs(&s, &from), 0);
	ck_assert_str_eq(s.describe, text);
	ck_assert_uint_eq(s.uid, 1000);
	ck_assert_uint_eq(s.gid, 100);
	ck_assert_uint_eq(s.perm, 0x3f3f0000);
	ck_assert_uint_eq(s.len, 3);
	wq_key_state_fini(&s);
}
END_TEST

START_TEST(empty_state_is_of_no_type)
{
	struct wq_key_state s = {0};

	ck_assert(!wq_key_state_parse(&s));
	ck_assert(!wq_key_is_type(&s, "user"));
	ck_assert_str_eq(wq_key_description(&s), "");
	wq_key_state_fini(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("key_state");
	TCase *diff = tcase_create("differences"), *state = tcase_create("state");

	tcase_add_loop_test(diff, differences_become_the_records_of_the_kernel, 0, NR_CHANGES);
	tcase_add_test(diff, key_that_comes_into_view_has_changed_its_attributes);
	tcase_add_test(
		state, large_keyring_whose_members_are_all_displaced_is_compared_in_a_moment);
	tcase_add_test(state, members_stay_sorted);
	tcase_add_test(state, name_of_a_member_is_learnt_and_kept);
	tcase_add_loop_test(state, descriptions_are_taken_apart, 0, ARRAY_SIZE(describes));
	tcase_add_test(state, attributes_that_are_copied_read_as_they_are);
	tcase_add_test(state, empty_state_is_of_no_type);
	suite_add_tcase(suite, diff);
	suite_add_tcase(suite, state);
	return run_suite(suite);
}
