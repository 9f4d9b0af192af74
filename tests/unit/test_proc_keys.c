/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which lines of /proc/keys are believed: users can forge lines there. */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array_size.h"
#include "keys/proc_keys.h"
#include "run.h"

#define NOW 1000000

static const struct {
	const char *line;
	bool known, expired;
	int32_t serial;
	time_t from, to; /* 1, 0: never */
	const char *tail;
} lines[] = {
	{"13af45eb I--Q---     1 perm 1f0b0000     0     0 keyring   _uid.0: empty", true,
		false, 0x13af45eb, 1, 0, "_uid.0: empty"},
	{"00000007 I--Q--i     1  10s 3f010000  1000 65534 user      a: 5", true, false, 7,
		NOW + 9, NOW + 11, "a: 5"},
	{"00000007 I--Q---     1   3m 3f010000  1000    -1 user      a: 5", true, false, 7,
		NOW + 179, NOW + 240, "a: 5"},
	{"00000007 I--Q---     1   2h 3f010000  1000    -1 user      a: 5", true, false, 7,
		NOW + 7199, NOW + 10800, "a: 5"},
	{"00000007 I--Q---     1   4d 3f010000  1000    -1 user      a: 5", true, false, 7,
		NOW + 345599, NOW + 432000, "a: 5"},
	{"00000007 I--Q---     1   1w 3f010000  1000    -1 user      a: 5", true, false, 7,
		NOW + 604799, NOW + 1209600, "a: 5"},
	{"00000007 IR-Q---     1 expd 3f010000  1000    -1 user      a: 5", true, true, 7, 1, 0,
		"a: 5"},
	{"7fffffff I--Q--- 99999 perm 3f010000 4294967295 4294967295 user      a", true, false,
		0x7fffffff, 1, 0, "a"},
	/* a type as long as its column, and what is left of longer ones */
	{"00000007 I--Q---     1 perm 3f010000     0     0 encrypted k: 3", true, false, 7, 1,
		0, "k: 3"},
	{"00000007 I--Q---     1 perm 3f010000     0     0 .request_ key:c0a pid:1", true,
		false, 7, 1, 0, "key:c0a pid:1"},
	{"00000007 I--Q---     1 perm 3f010000     0     0 dns_resol d: 4", true, false, 7, 1,
		0, "d: 4"},
	{"00000007 I--Q---     1 perm 3f010000     0     0 user      ", true, false, 7, 1, 0,
		""},
	/* an unknown unit; the serial is noted, so that it is not trusted */
	{"00000007 I--Q---     1   2y 3f010000     0     0 user      a: 5", false, false, 7, 1,
		0, "a: 5"},
	{"00000007 I--Q---     1  -2s 3f010000     0     0 user      a: 5", false, false, 7, 1,
		0, "a: 5"},
	{"00000007 I--Q---     1 soon 3f010000     0     0 user      a: 5", false, false, 7, 1,
		0, "a: 5"},
};

START_TEST(lines_of_keys_are_understood)
{
	struct wq_proc_key key;

	memset(&key, 0x5a, sizeof(key));
	ck_assert_msg(wq_proc_keys_parse(lines[_i].line, NOW, &key), "%s", lines[_i].line);
	ck_assert_int_eq(key.serial, lines[_i].serial);
	ck_assert_msg(key.known == lines[_i].known, "%s", lines[_i].line);
	ck_assert_str_eq(key.tail, lines[_i].tail);
	if (!key.known)
		return;
	ck_assert(key.expired == lines[_i].expired);
	ck_assert_int_eq(key.expiry.from, lines[_i].from);
	ck_assert_int_eq(key.expiry.to, lines[_i].to);
}
END_TEST

static const char *const no_keys[] = {
	"",
	" ",
	"not a key at all",
	"7 I--Q---     1 perm 3f010000     0     0 user      a",
	"0000000g I--Q---     1 perm 3f010000     0     0 user      a",
	"00000007 I--Q     1 perm 3f010000     0     0 user      a",
	"00000007 I--Q---     1 perm 3f01     0     0 user      a",
	"00000007 I--Q---     1 perm 3f010000     0     0",
	"00000007 I--Q---     1 aaaaaaaaaaaaaaaaaaaaaaaa 3f010000     0     0 user      a",
};

START_TEST(other_lines_are_refused)
{
	struct wq_proc_key key;

	ck_assert_msg(!wq_proc_keys_parse(no_keys[_i], NOW, &key), "%s", no_keys[_i]);
}
END_TEST

static const struct {
	struct wq_expiry a, b;
	bool differ;
} expiries[] = {
	{{1, 0}, {1, 0}, false},
	{{1, 0}, {100, 102}, true},
	{{100, 102}, {1, 0}, true},
	{{100, 102}, {100, 102}, false},
	{{100, 102}, {102, 104}, false},
	{{100, 102}, {103, 105}, true},
	{{103, 105}, {100, 102}, true},
	/* "1m" and "59s" of the same key */
	{{159, 220}, {158, 160}, false},
	{{100, 200}, {150, 151}, false},
};

START_TEST(expiries_differ_only_if_they_cannot_be_the_same)
{
	struct wq_expiry both;

	ck_assert(wq_expiry_differ(expiries[_i].a, expiries[_i].b) == expiries[_i].differ);
	ck_assert(wq_expiry_differ(expiries[_i].b, expiries[_i].a) == expiries[_i].differ);
	if (expiries[_i].differ)
		return;
	both = wq_expiry_both(expiries[_i].a, expiries[_i].b);
	ck_assert(!wq_expiry_differ(both, expiries[_i].a));
	ck_assert(!wq_expiry_differ(both, expiries[_i].b));
}
END_TEST

START_TEST(expiry_is_narrowed_by_each_pass)
{
	struct wq_expiry e = {159, 220};

	e = wq_expiry_both(e, (struct wq_expiry){100, 160});
	ck_assert_int_eq(e.from, 159);
	ck_assert_int_eq(e.to, 160);
}
END_TEST

static const struct {
	const char *tail, *description;
	long len;
} lengths[] = {
	{"a: 5", "a", 5},
	{"a: 0", "a", 0},
	{": 7", "", 7},
	{"a: 5: 6", "a: 5", 6}, /* a description that looks like one with a length */
	{"a: 5: 6", "a", -1},
	{"a: 5 ", "a", -1},
	{"a: empty", "a", -1},
	{"a:", "a", -1},
	{"a", "a", -1},
	{"ab: 5", "a", -1},
	{"b: 5", "a", -1},
	{"", "a", -1},
};

START_TEST(lengths_are_taken_from_behind_the_description)
{
	ck_assert_msg(
		wq_proc_keys_len(lengths[_i].tail, lengths[_i].description) == lengths[_i].len,
		"\"%s\" of \"%s\"", lengths[_i].tail, lengths[_i].description);
}
END_TEST

/* ---- the file itself ---- */

struct found {
	int32_t serial;
	unsigned int times;
	struct wq_proc_key key;
	char tail[8192];
};

static void look_for(void *arg, const struct wq_proc_key *key)
{
	struct found *f = arg;

	if (key->serial != f->serial)
		return;
	f->times++;
	f->key = *key;
	strncpy(f->tail, key->tail, sizeof(f->tail) - 1);
}

static void pass_over(struct wq_proc_keys *pass, struct found *f)
{
	int r;

	f->times = 0;
	wq_proc_keys_rewind(pass);
	while ((r = wq_proc_keys_next(pass, look_for, f)) > 0)
		;
	ck_assert_int_eq(r, 0);
}

static int32_t add(const char *description)
{
	key_serial_t key = add_key("user", description, "12345", 5, KEY_SPEC_PROCESS_KEYRING);

	ck_assert_msg(key > 0, "add_key: %s", strerror(errno));
	return key;
}

START_TEST(own_keys_are_seen_in_every_pass)
{
	struct wq_proc_keys *pass = wq_proc_keys_open();
	struct found f = {0};

	ck_assert_ptr_nonnull(pass);
	f.serial = add("wqfs-test:proc");
	for (int i = 0; i < 3; i++) {
		pass_over(pass, &f);
		ck_assert_uint_eq(f.times, 1);
		ck_assert_str_eq(f.tail, "wqfs-test:proc: 5");
		ck_assert_int_gt(f.key.expiry.from, f.key.expiry.to);
	}
	ck_assert_int_eq(keyctl_set_timeout(f.serial, 1000), 0);
	pass_over(pass, &f);
	ck_assert_int_le(f.key.expiry.from, time(NULL) + 1000);
	ck_assert_int_ge(f.key.expiry.to, time(NULL) + 990);
	wq_proc_keys_close(pass);
}
END_TEST

/* A user who can make a key can make a line; its serial then appears twice. */
START_TEST(forged_line_is_seen_beside_the_true_one)
{
	struct wq_proc_keys *pass = wq_proc_keys_open();
	struct found f = {0};
	char forged[256];

	ck_assert_ptr_nonnull(pass);
	f.serial = add("wqfs-test:true");
	snprintf(forged, sizeof(forged),
		"x\n%08x I--Q---     1 expd 3f010000     0     0 user      wqfs-test:true: 9\n",
		(unsigned int)f.serial);
	add(forged);
	pass_over(pass, &f);
	ck_assert_uint_eq(f.times, 2);
	wq_proc_keys_close(pass);
}
END_TEST

START_TEST(long_descriptions_cost_no_other_line)
{
	struct wq_proc_keys *pass = wq_proc_keys_open();
	struct found f = {0};
	char text[4096];

	ck_assert_ptr_nonnull(pass);
	for (char c = 'a'; c <= 'h'; c++) {
		memset(text, c, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		f.serial = add(text);
		pass_over(pass, &f);
		ck_assert_uint_eq(f.times, 1);
		ck_assert_int_eq(wq_proc_keys_len(f.tail, text), 5);
	}
	f.serial = add("wqfs-test:short");
	pass_over(pass, &f);
	ck_assert_uint_eq(f.times, 1);
	wq_proc_keys_close(pass);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proc_keys");
	TCase *text = tcase_create("text"), *file = tcase_create("file");

	tcase_add_loop_test(text, lines_of_keys_are_understood, 0, ARRAY_SIZE(lines));
	tcase_add_loop_test(text, other_lines_are_refused, 0, ARRAY_SIZE(no_keys));
	tcase_add_loop_test(
		text, expiries_differ_only_if_they_cannot_be_the_same, 0, ARRAY_SIZE(expiries));
	tcase_add_test(text, expiry_is_narrowed_by_each_pass);
	tcase_add_loop_test(
		text, lengths_are_taken_from_behind_the_description, 0, ARRAY_SIZE(lengths));
	suite_add_tcase(suite, text);
	if (access("/proc/keys", R_OK) == 0 &&
		keyctl_get_keyring_ID(KEY_SPEC_PROCESS_KEYRING, 1) > 0) {
		tcase_add_test(file, own_keys_are_seen_in_every_pass);
		tcase_add_test(file, forged_line_is_seen_beside_the_true_one);
		tcase_add_test(file, long_descriptions_cost_no_other_line);
	} else {
		printf("SKIP the tests of the file: /proc/keys: %s\n", strerror(errno));
	}
	suite_add_tcase(suite, file);
	return run_suite(suite);
}
