/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array_size.h"
#include "key_name.h"
#include "run.h"

/* Joins a session keyring of our own, so that nothing is left behind. */
static void join_session(void)
{
	ck_assert_int_gt(keyctl_join_session_keyring(NULL), 0);
}

static int32_t serial_of(const char *name)
{
	int32_t serial = 0;

	ck_assert_msg(wq_key_by_name(name, &serial) == 0, "%s", name);
	ck_assert_int_gt(serial, 0);
	return serial;
}

static const struct {
	const char *name, *number;
	key_serial_t id;
} specials[] = {
	{"@t", "-1", KEY_SPEC_THREAD_KEYRING},
	{"@p", "-2", KEY_SPEC_PROCESS_KEYRING},
	{"@s", "-3", KEY_SPEC_SESSION_KEYRING},
	{"@u", "-4", KEY_SPEC_USER_KEYRING},
	{"@us", "-5", KEY_SPEC_USER_SESSION_KEYRING},
};

START_TEST(special_keyrings_become_the_callers_serials)
{
	int32_t serial = serial_of(specials[_i].name);

	ck_assert_int_eq(serial, keyctl_get_keyring_ID(specials[_i].id, 0));
	ck_assert_int_eq(serial, serial_of(specials[_i].number));
}
END_TEST

START_TEST(asking_for_the_session_does_not_replace_it)
{
	key_serial_t user_session = keyctl_get_keyring_ID(KEY_SPEC_USER_SESSION_KEYRING, 0);
	char name[32];

	/* A process without a session keyring has the user's default one. */
	snprintf(name, sizeof(name), "_uid_ses.%u", getuid());
	ck_assert_int_eq(keyctl_join_session_keyring(name), user_session);
	ck_assert_int_eq(serial_of("@s"), user_session);
	ck_assert_int_eq(keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0), user_session);
}
END_TEST

static const struct {
	const char *name;
	int32_t serial;
} numbers[] = {
	{"1", 1},
	{"123456", 123456},
	{"0x1f", 31},
	{"0x7fffffff", 2147483647},
	{"2147483647", 2147483647},
};

START_TEST(a_serial_is_taken_as_it_is)
{
	ck_assert_int_eq(serial_of(numbers[_i].name), numbers[_i].serial);
}
END_TEST

START_TEST(a_key_is_found_by_type_and_description)
{
	key_serial_t key, ring;

	key = add_key("user", "wqfs:test with: colons", "x", 1, KEY_SPEC_SESSION_KEYRING);
	ck_assert_int_gt(key, 0);
	ring = add_key("keyring", "wqfs-test-ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	ck_assert_int_gt(ring, 0);
	ck_assert_int_eq(serial_of("%user:wqfs:test with: colons"), key);
	ck_assert_int_eq(serial_of("%:wqfs-test-ring"), ring);
	ck_assert_int_eq(serial_of("%keyring:wqfs-test-ring"), ring);
}
END_TEST

/* The description fills more than the buffer of find_key_by_type_and_desc(). */
START_TEST(a_long_description_in_proc_keys_does_no_harm)
{
	char description[3000];
	key_serial_t key;
	int32_t serial;

	memset(description, 'x', sizeof(description) - 1);
	description[sizeof(description) - 1] = '\0';
	ck_assert_int_gt(add_key("user", description, "x", 1, KEY_SPEC_SESSION_KEYRING), 0);
	ck_assert_int_eq(wq_key_by_name("%user:wqfs-test:nosuch", &serial), -ENOKEY);
	/* a key that no keyring of the caller's leads to is only in /proc/keys */
	key = add_key("user", "wqfs-test:apart", "x", 1, KEY_SPEC_PROCESS_KEYRING);
	ck_assert_int_gt(key, 0);
	ck_assert_int_eq(serial_of("%user:wqfs-test:apart"), key);
}
END_TEST

static const struct {
	const char *name;
	int err;
} refusals[] = {
	{"", -EINVAL},
	{"0", -EINVAL},
	{"-8", -EINVAL},
	{"-", -EINVAL},
	{"- 1", -EINVAL},
	{"--1", -EINVAL},
	{"+1", -EINVAL},
	{" 1", -EINVAL},
	{"1 ", -EINVAL},
	{"0x", -EINVAL},
	{"2147483648", -EINVAL},
	{"99999999999999999999", -EINVAL},
	{"12ab", -EINVAL},
	{"session", -EINVAL},
	{"@", -EINVAL},
	{"@x", -EINVAL},
	{"@S", -EINVAL},
	{"@session", -EINVAL},
	{"%", -EINVAL},
	{"%:", -EINVAL},
	{"%user", -EINVAL},
	{"%user:", -EINVAL},
	{"%user:wqfs-no-such-key", -ENOKEY},
	{"%:wqfs-no-such-ring", -ENOKEY},
	{"@a", -ENOKEY},
};

START_TEST(what_is_no_key_is_refused_with_the_reason)
{
	int32_t serial = -1;

	ck_assert_msg(wq_key_by_name(refusals[_i].name, &serial) == refusals[_i].err, "\"%s\"",
		refusals[_i].name);
	ck_assert_int_eq(serial, -1);
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;

	if (keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 0) < 0) {
		printf("SKIP: the kernel gives us no keyrings: %s\n", strerror(errno));
		return 77;
	}
	s = suite_create("key_name");
	tc = tcase_create("key_name");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, join_session, NULL);
	tcase_add_loop_test(
		tc, special_keyrings_become_the_callers_serials, 0, ARRAY_SIZE(specials));
	tcase_add_test(tc, asking_for_the_session_does_not_replace_it);
	tcase_add_loop_test(tc, a_serial_is_taken_as_it_is, 0, ARRAY_SIZE(numbers));
	tcase_add_test(tc, a_key_is_found_by_type_and_description);
	tcase_add_test(tc, a_long_description_in_proc_keys_does_no_harm);
	tcase_add_loop_test(
		tc, what_is_no_key_is_refused_with_the_reason, 0, ARRAY_SIZE(refusals));
	return run_suite(s);
}
