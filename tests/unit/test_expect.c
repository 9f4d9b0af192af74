/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array_size.h"
#include "../scenario/expect.h"
#include "run.h"

static const struct {
	const char *step;
	const char *result;
	size_t bytes;
} cases[] = {
	{"update k b", "= 0\n", 0},
	{"read q 64",
		"= 32\n  KEY UPDATED len=16 id=1 flags=0 key=k aux=0\n"
		"  META REMOVAL len=16 id=1 flags=0 object=k\n",
		32},
	{"read q 64", "= -EAGAIN\n", 0},
	{"read q 16", "= 8\n  META LOSS len=8 id=0 flags=0\n", 0},
	{"drain q",
		"= 24 then EAGAIN\n  KEY UPDATED len=16 id=1 flags=0 key=k aux=0\n"
		"  META LOSS len=8 id=0 flags=0\n",
		16},
	{"drain q", "= 0 then EAGAIN\n", 0},
	{"count q", "= 1.1x32 0.1x1 1.7x2 0.0x1 then EAGAIN\n", 35 * 16},
	{"count q", "= then EAGAIN\n", 0},
	{"poll q", "= 1 IN\n", 1},
	{"poll q", "= 0\n", 0},
	{"fionread q", "= 496\n", 496},
};

#define NR_CASES ((int)ARRAY_SIZE(cases))

START_TEST(golden_file_says_how_much_each_step_finds)
{
	char path[] = "/tmp/wqfs-expect.XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct sc_expect *e;

	ck_assert_ptr_nonnull(f);
	fputs("# name.scn\n", f);
	for (int i = 0; i < NR_CASES; i++)
		fprintf(f, "> %s\n%s", cases[i].step, cases[i].result);
	fclose(f);
	e = sc_expect_load(path);
	unlink(path);
	ck_assert_ptr_nonnull(e);
	for (int i = 0; i < NR_CASES; i++)
		ck_assert_msg(sc_expect_bytes(e, i) == cases[i].bytes,
			"case %d, %s: %zu bytes instead of %zu", i, cases[i].step,
			sc_expect_bytes(e, i), cases[i].bytes);
	ck_assert_uint_eq(sc_expect_bytes(e, NR_CASES), 0);
	sc_expect_free(e);
}
END_TEST

START_TEST(nothing_is_expected_without_a_file)
{
	ck_assert_uint_eq(sc_expect_bytes(NULL, 0), 0);
	ck_assert_ptr_null(sc_expect_load("/nonexistent/file"));
	sc_expect_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expect");
	TCase *tc = tcase_create("expect");

	tcase_add_test(tc, golden_file_says_how_much_each_step_finds);
	tcase_add_test(tc, nothing_is_expected_without_a_file);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
