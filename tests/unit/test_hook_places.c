/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which functions are hooked, and how, on kernels with given types, which are made here. */
#include <bpf/btf.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "run.h"
#include "sources/choice.h"
#include "sources/hook_places.h"

/* ---- a kernel ---- */

/* A kernel's types, and those of each letter of struct wq_hook_place. */
struct kernel {
	struct btf *btf;
	int number, serial, wide, truth, key, ref, any;
};

static void make_types(struct kernel *k)
{
	int key, ref;

	k->btf = btf__new_empty();
	ck_assert_ptr_nonnull(k->btf);
	k->number = btf__add_int(k->btf, "int", 4, BTF_INT_SIGNED);
	k->serial = btf__add_typedef(k->btf, "key_serial_t", k->number);
	k->wide = btf__add_int(k->btf, "long unsigned int", 8, 0);
	k->truth = btf__add_int(k->btf, "_Bool", 1, BTF_INT_BOOL);
	key = btf__add_struct(k->btf, "key", 4);
	ck_assert_int_eq(btf__add_field(k->btf, "serial", k->serial, 0, 0), 0);
	k->key = btf__add_ptr(k->btf, key);
	ref = btf__add_fwd(k->btf, "__key_reference_with_attributes", BTF_FWD_STRUCT);
	k->ref = btf__add_typedef(k->btf, "key_ref_t", btf__add_ptr(k->btf, ref));
	k->any = btf__add_ptr(k->btf, btf__add_const(k->btf, 0));
	ck_assert_int_gt(k->any, 0);
}

static int type_of(const struct kernel *k, char letter)
{
	switch (letter) {
	case 'i':
		return k->serial;
	case 'l':
		return k->wide;
	case 'b':
		return k->truth;
	case 'k':
		return k->key;
	case 'r':
		return k->ref;
	case 'p':
		return k->any;
	default:
		return 0;
	}
}

static void add_function(const struct kernel *k, const char *name, const char *type)
{
	int proto = btf__add_func_proto(k->btf, type_of(k, type[0]));

	ck_assert_int_gt(proto, 0);
	for (const char *p = type + 1; *p; p++)
		ck_assert_int_eq(btf__add_func_param(k->btf, "argument", type_of(k, *p)), 0);
	ck_assert_int_gt(btf__add_func(k->btf, name, BTF_FUNC_STATIC, proto), 0);
}

/* A function that a kernel has in another way, or has not, which the type NULL says. */
struct but {
	const char *function, *type;
};

static const char *type_but(const struct wq_hook_place *place, const struct but *but, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(but[i].function, place->function))
			return but[i].type;
	return place->type;
}

/* A kernel that has all functions, but for N of them. */
static struct kernel kernel_but(const struct but *but, size_t n)
{
	struct kernel k;

	make_types(&k);
	for (const struct wq_hook_place *p = wq_hook_places; p->function; p++)
		if (type_but(p, but, n))
			add_function(&k, p->function, type_but(p, but, n));
	return k;
}

/* ---- what is chosen ---- */

static enum wq_hook_way ways[WQ_HOOK_PLACES_MAX];
static char why[256];

static bool choose(bool trampolines, const struct but *but, size_t n)
{
	struct kernel k = kernel_but(but, n);
	bool ok;

	why[0] = '\0';
	memset(ways, 0xff, sizeof(ways));
	ok = wq_hook_places_choose(k.btf, trampolines, ways, why, sizeof(why));
	btf__free(k.btf);
	return ok;
}

static enum wq_hook_way way_of(const char *function)
{
	for (size_t i = 0; wq_hook_places[i].function; i++)
		if (!strcmp(wq_hook_places[i].function, function))
			return ways[i];
	ck_abort_msg("no place %s", function);
}

static bool is_choice(const char *function)
{
	return !strcmp(function, "security_key_post_create_or_update") ||
	       !strcmp(function, "ima_post_key_create_or_update") ||
	       !strcmp(function, "key_create_or_update");
}

/* All places without a choice have WAY. */
static void others_are(enum wq_hook_way way)
{
	for (size_t i = 0; wq_hook_places[i].function; i++)
		if (!is_choice(wq_hook_places[i].function))
			ck_assert_msg(ways[i] == way, "%s: %d", wq_hook_places[i].function,
				(int)ways[i]);
}

static void choice_is(
	enum wq_hook_way security, enum wq_hook_way ima, enum wq_hook_way create_or_update)
{
	ck_assert_int_eq(way_of("security_key_post_create_or_update"), security);
	ck_assert_int_eq(way_of("ima_post_key_create_or_update"), ima);
	ck_assert_int_eq(way_of("key_create_or_update"), create_or_update);
}

START_TEST(trampolines_take_all_that_is_there)
{
	ck_assert(choose(true, NULL, 0));
	others_are(WQ_HOOK_TRAMPOLINE);
	choice_is(WQ_HOOK_TRAMPOLINE, WQ_HOOK_UNUSED, WQ_HOOK_UNUSED);
}
END_TEST

START_TEST(what_comes_after_an_update_may_be_another)
{
	static const struct but but[] = {{"security_key_post_create_or_update", NULL}};

	ck_assert(choose(true, but, ARRAY_SIZE(but)));
	others_are(WQ_HOOK_TRAMPOLINE);
	choice_is(WQ_HOOK_UNUSED, WQ_HOOK_TRAMPOLINE, WQ_HOOK_UNUSED);
}
END_TEST

START_TEST(what_has_another_type_is_passed_over)
{
	static const struct but but[] = {{"security_key_post_create_or_update", "vkkpll"}};

	ck_assert(choose(true, but, ARRAY_SIZE(but)));
	choice_is(WQ_HOOK_UNUSED, WQ_HOOK_TRAMPOLINE, WQ_HOOK_UNUSED);
}
END_TEST

/* Before Linux 6.6 a trampoline takes no seven arguments. */
START_TEST(function_of_seven_arguments_is_probed)
{
	static const struct but but[] = {{"security_key_post_create_or_update", NULL},
		{"ima_post_key_create_or_update", NULL}};

	ck_assert(choose(true, but, ARRAY_SIZE(but)));
	others_are(WQ_HOOK_TRAMPOLINE);
	choice_is(WQ_HOOK_UNUSED, WQ_HOOK_UNUSED, WQ_HOOK_PROBE);
}
END_TEST

START_TEST(probes_take_only_what_probes_can)
{
	ck_assert(choose(false, NULL, 0));
	others_are(WQ_HOOK_PROBE);
	choice_is(WQ_HOOK_UNUSED, WQ_HOOK_UNUSED, WQ_HOOK_PROBE);
}
END_TEST

/* Each function that has no alternative: it is missing, has another result or argument, or one
 * argument more. */
START_TEST(what_is_necessary_must_be_there_as_expected)
{
	const struct wq_hook_place *place = &wq_hook_places[_i];
	struct but but = {place->function, NULL};
	char other[16], want[128];
	size_t n = strlen(place->type);

	if (is_choice(place->function))
		return;
	ck_assert(!choose(true, &but, 1));
	snprintf(want, sizeof(want), "this kernel's %s() cannot be hooked", place->function);
	ck_assert_str_eq(why, want);
	snprintf(want, sizeof(want), "this kernel's %s() is not what it should be",
		place->function);
	but.type = other;
	for (size_t i = 0; i <= n; i++) {
		snprintf(other, sizeof(other), "%s%s", place->type, i == n ? "k" : "");
		if (i < n)
			other[i] = other[i] == 'i' ? 'l' : 'i';
		ck_assert_msg(!choose(true, &but, 1), "%s: %s", place->function, other);
		ck_assert_str_eq(why, want);
	}
}
END_TEST

START_TEST(one_of_the_choice_must_be_there)
{
	static const struct but none[] = {{"security_key_post_create_or_update", NULL},
		{"ima_post_key_create_or_update", NULL}, {"key_create_or_update", NULL}};
	static const struct but other[] = {{"security_key_post_create_or_update", NULL},
		{"ima_post_key_create_or_update", NULL}, {"key_create_or_update", "rrppplll"}};

	ck_assert(!choose(true, none, ARRAY_SIZE(none)));
	ck_assert_str_eq(why, "this kernel's key_create_or_update() cannot be hooked");
	ck_assert(!choose(true, other, ARRAY_SIZE(other)));
	ck_assert_str_eq(why, "this kernel's key_create_or_update() is not what it should be");
	ck_assert(!choose(false, none, ARRAY_SIZE(none)));
	ck_assert(!choose(false, other, ARRAY_SIZE(other)));
}
END_TEST

/* ---- which sources ---- */

static void candidates_are(const char *name, const char *const want[], size_t n)
{
	const struct wq_source_type *const *found = wq_source_choose(name);

	ck_assert_ptr_nonnull(found);
	for (size_t i = 0; i < n; i++) {
		ck_assert_ptr_nonnull(found[i]);
		ck_assert_str_eq(found[i]->name, want[i]);
	}
	ck_assert_ptr_null(found[n]);
}

START_TEST(kernel_means_three_sources_best_first)
{
	static const char *const all[] = {"kernel-fentry", "kernel-kprobe", "kernel-syscalls"};

	candidates_are("kernel", all, ARRAY_SIZE(all));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		candidates_are(all[i], &all[i], 1);
	ck_assert(wq_source_is_required("kernel"));
	ck_assert(wq_source_is_required("kernel-kprobe"));
	ck_assert_ptr_null(wq_source_choose("kernel-"));
	ck_assert_ptr_null(wq_source_choose("fentry"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hook_places");
	TCase *tcase = tcase_create("choice");
	int n = 0;

	while (wq_hook_places[n].function)
		n++;
	tcase_add_test(tcase, trampolines_take_all_that_is_there);
	tcase_add_test(tcase, what_comes_after_an_update_may_be_another);
	tcase_add_test(tcase, what_has_another_type_is_passed_over);
	tcase_add_test(tcase, function_of_seven_arguments_is_probed);
	tcase_add_test(tcase, probes_take_only_what_probes_can);
	tcase_add_loop_test(tcase, what_is_necessary_must_be_there_as_expected, 0, n);
	tcase_add_test(tcase, one_of_the_choice_must_be_there);
	tcase_add_test(tcase, kernel_means_three_sources_best_first);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
