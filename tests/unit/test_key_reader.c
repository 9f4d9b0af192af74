/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking snapshots leaves no traces in the process. */
#include <check.h>
#include <signal.h>

#include "base/unused.h"
#include "keys/key_reader.h"
#include "run.h"

static void handler(int sig WQ_UNUSED)
{
}

START_TEST(the_alarm_is_afterwards_what_it_was)
{
	struct wq_key_reader *reader;
	struct sigaction now;

	signal(SIGALRM, handler);
	reader = wq_key_reader_new();
	ck_assert_ptr_nonnull(reader);
	sigaction(SIGALRM, NULL, &now);
	ck_assert(now.sa_handler != handler);
	wq_key_reader_free(reader);
	sigaction(SIGALRM, NULL, &now);
	ck_assert(now.sa_handler == handler);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("key_reader");
	TCase *t = tcase_create("key_reader");

	suite_add_tcase(s, t);
	tcase_add_test(t, the_alarm_is_afterwards_what_it_was);
	return run_suite(s);
}
