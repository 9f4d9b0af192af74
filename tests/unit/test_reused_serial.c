/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel gives the serial of a key that was destroyed to another one. It does so by chance,
 * so here the functions of libkeyutils that the bridge reads keys with are this program's: the
 * serial OLD means the key NEW from some moment on.
 */
#include <check.h>
#include <errno.h>
#include <keyutils.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bridge.h"
#include "run.h"

static int32_t old, new;

static int32_t meant(int32_t serial)
{
	return new &&serial == old ? new : serial;
}

long keyctl_describe(key_serial_t serial, char *text, size_t size)
{
	return syscall(SYS_keyctl, KEYCTL_DESCRIBE, meant(serial), text, size);
}

long keyctl_read(key_serial_t serial, char *payload, size_t size)
{
	return syscall(SYS_keyctl, KEYCTL_READ, meant(serial), payload, size);
}

static void begin_with(const char *description)
{
	new = 0;
	old = add(description);
	ck_assert_int_eq(watch(old), 0);
	scan_all();
	ck_assert_str_eq(records(old, 0), "");
}

/* OLD is destroyed, and another key called DESCRIPTION gets its serial. */
static void give_serial_to(const char *description)
{
	int32_t ring = add_ring("wqfs-test:ring"),
		key = add_key("user", description, "1", 1, ring);

	ck_assert_int_gt(key, 0);
	new = key;
}

START_TEST(scan_finds_that_a_serial_is_another_keys)
{
	begin_with("wqfs-test:old");
	give_serial_to("wqfs-test:new");
	scan_all();
	ck_assert_str_eq(records(old, 0), "meta.0:A");
	ck_assert_int_eq(watch(old), 0);
	scan_all();
	ck_assert_str_eq(records(old, 0), "");
}
END_TEST

START_TEST(key_that_was_revoked_does_not_live_again)
{
	begin_with("wqfs-test:same");
	ck_assert_int_eq(keyctl_revoke(old), 0);
	scan_all();
	ck_assert_str_eq(records(old, 0), "5:0");
	give_serial_to("wqfs-test:same");
	scan_all();
	ck_assert_str_eq(records(old, 0), "meta.0:A");
}
END_TEST

START_TEST(watch_of_a_reused_serial_is_not_refused)
{
	int r;

	begin_with("wqfs-test:old");
	give_serial_to("wqfs-test:new");
	while ((r = watch(old)) == -EINPROGRESS)
		scan_all();
	ck_assert_int_eq(r, 0);
	ck_assert_str_eq(records(old, 0), "meta.0:A");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reused_serial");
	TCase *polled = tcase_create("polled");

	if (!have_keys(true))
		return 77;
	tcase_add_checked_fixture(polled, set_up, tear_down);
	tcase_add_test(polled, scan_finds_that_a_serial_is_another_keys);
	tcase_add_test(polled, key_that_was_revoked_does_not_live_again);
	tcase_add_test(polled, watch_of_a_reused_serial_is_not_refused);
	suite_add_tcase(suite, polled);
	return run_suite(suite);
}
