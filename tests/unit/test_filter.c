/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "filter.h"
#include "run.h"

#define KEY(sub) (1U << NOTIFY_KEY_##sub)
#define ALL	 0xffffffffU

/* ---- the kernel's layout ---- */

static const struct {
	const char *why;
	struct wqfs_filter user;
	size_t len;
	int want;
} layouts[] = {
	{"no bytes", {1, 0, {{1, 0, 0, {2}}}}, 0, -EINVAL},
	{"half a head", {1, 0, {{1, 0, 0, {2}}}}, 7, -EINVAL},
	{"no rule", {0, 0, {{1, 0, 0, {2}}}}, 8 + 44, -EINVAL},
	{"one rule", {1, 0, {{1, 0, 0, {2}}}}, 8 + 44, 0},
	{"one rule, cut short", {1, 0, {{1, 0, 0, {2}}}}, 8 + 43, -EINVAL},
	{"two rules asked, one given", {2, 0, {{1, 0, 0, {2}}}}, 8 + 44, -EINVAL},
	{"more bytes than rules", {1, 0, {{1, 0, 0, {2}}}}, sizeof(struct wqfs_filter), 0},
	{"16 rules", {16, 0, {{1, 0, 0, {2}}}}, sizeof(struct wqfs_filter), 0},
	{"17 rules", {17, 0, {{1, 0, 0, {2}}}}, sizeof(struct wqfs_filter), -EINVAL},
	{"a count near the top", {ALL, 0, {{0}}}, sizeof(struct wqfs_filter), -EINVAL},
	{"reserved", {1, 1, {{1, 0, 0, {2}}}}, 8 + 44, -EINVAL},
	{"a mask on the length", {1, 0, {{1, 0, 0x7f, {2}}}}, 8 + 44, -EINVAL},
	{"one bit of the length", {1, 0, {{1, 0, 0xff01, {2}}}}, 8 + 44, -EINVAL},
	{"the bit above the length", {1, 0, {{1, 0x80, 0x80, {2}}}}, 8 + 44, 0},
	{"a value outside its mask", {1, 0, {{1, 0x300, 0x100, {2}}}}, 8 + 44, -EINVAL},
	{"a bad mask in the second rule", {2, 0, {{1, 0, 0, {2}}, {1, 1, 0, {2}}}}, 8 + 88,
		-EINVAL},
	{"a bad mask behind the last rule", {1, 0, {{1, 0, 0, {2}}, {1, 1, 0, {2}}}}, 8 + 88,
		0},
	{"a bad mask in a rule of unknown type", {1, 0, {{9, 1, 0, {2}}}}, 8 + 44, -EINVAL},
	{"an unknown type", {1, 0, {{9, 0, 0, {2}}}}, 8 + 44, 0},
};

START_TEST(a_filter_is_accepted_or_refused_as_the_kernel_does)
{
	struct wq_filter f, before;

	memset(&f, 0x55, sizeof(f));
	before = f;
	ck_assert_msg(
		wq_filter_parse(&f, &layouts[_i].user, layouts[_i].len) == layouts[_i].want,
		"%s", layouts[_i].why);
	if (layouts[_i].want)
		ck_assert_mem_eq(&f, &before, sizeof(f));
	else
		ck_assert_mem_eq(f.user.filters, layouts[_i].user.filters,
			layouts[_i].user.nr_filters * sizeof(f.user.filters[0]));
}
END_TEST

START_TEST(rules_beyond_the_count_are_not_kept)
{
	struct wqfs_filter user = {1, 0, {{1, 0, 0, {2}}, {1, 0, 0, {4}}}};
	struct wq_filter f;

	ck_assert_int_eq(wq_filter_parse(&f, &user, sizeof(user)), 0);
	ck_assert_uint_eq(f.user.filters[1].subtype_filter[0], 0);
}
END_TEST

/* ---- what passes ---- */

static const struct {
	const char *filter;
	struct watch_notification n;
	bool want;
} passes[] = {
	{"key:updated", {1, NOTIFY_KEY_UPDATED, 16}, true},
	{"key:updated", {1, NOTIFY_KEY_SETATTR, 16}, false},
	{"key:updated", {0, NOTIFY_KEY_UPDATED, 16}, false},
	{"key", {1, NOTIFY_KEY_SETATTR, 16}, true},
	{"key", {1, 31, 16}, true},
	{"key", {1, 32, 16}, false}, /* only the first word counts */
	{"key:33", {1, 1, 16}, false},
	{"key:33", {1, 33, 16}, false},
	{"key:none", {1, 0, 16}, false},
	{"key id=2", {1, NOTIFY_KEY_LINKED, 16 | 2 << 8}, true},
	{"key id=2", {1, NOTIFY_KEY_LINKED, 16 | 1 << 8}, false},
	{"key id=2", {1, NOTIFY_KEY_LINKED, 16 | 2 << 8 | 1 << 16}, true},
	{"key id=0", {1, NOTIFY_KEY_LINKED, 16}, true},
	{"key id=0", {1, NOTIFY_KEY_LINKED, 16 | 1 << 8}, false},
	{"key info=10000/10000", {1, NOTIFY_KEY_LINKED, 16 | 1 << 16}, true},
	{"key info=0/10000", {1, NOTIFY_KEY_LINKED, 16 | 1 << 16}, false},
	{"key:linked; key:setattr id=1", {1, NOTIFY_KEY_SETATTR, 16 | 1 << 8}, true},
	{"key:linked; key:setattr id=1", {1, NOTIFY_KEY_SETATTR, 16 | 2 << 8}, false},
	{"key:linked; key:setattr id=1", {1, NOTIFY_KEY_LINKED, 16 | 2 << 8}, true},
	{"9", {9, 0, 16}, false}, /* unknown types are kept, but match nothing */
	{"9", {1, 0, 16}, false},
	{"9 key", {1, 0, 16}, true},
};

START_TEST(a_record_passes_as_in_the_kernel)
{
	struct wq_filter f;
	char why[200];

	ck_assert_int_eq(wq_filter_from_text(&f.user, passes[_i].filter, why, sizeof(why)), 0);
	ck_assert_msg(wq_filter_pass(&f, &passes[_i].n) == passes[_i].want, "%s: %u.%u %x",
		passes[_i].filter, passes[_i].n.type, passes[_i].n.subtype, passes[_i].n.info);
}
END_TEST

/* ---- words ---- */

#define EVERY                                          \
	{                                              \
		ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL \
	}

static const struct {
	const char *text;
	struct wqfs_filter want;
	const char *back; /* as it is written back; NULL: unchanged */
} words[] = {
	{"none", {0}, NULL},
	{" none ;", {0}, "none"},
	{"key", {1, 0, {{1, 0, 0, EVERY}}}, NULL},
	{"meta", {1, 0, {{0, 0, 0, EVERY}}}, NULL},
	{"meta:removal,loss", {1, 0, {{0, 0, 0, {3}}}}, NULL},
	{"key:updated,linked id=3", {1, 0, {{1, 0x300, 0xff00, {KEY(UPDATED) | KEY(LINKED)}}}},
		NULL},
	{"key:updated id=3; key:linked",
		{2, 0, {{1, 0x300, 0xff00, {KEY(UPDATED)}}, {1, 0, 0, {KEY(LINKED)}}}}, NULL},
	{"key:updated id=3 key:linked",
		{2, 0, {{1, 0x300, 0xff00, {KEY(UPDATED)}}, {1, 0, 0, {KEY(LINKED)}}}},
		"key:updated id=3; key:linked"},
	{"\tkey:updated\nid=3;key:linked;",
		{2, 0, {{1, 0x300, 0xff00, {KEY(UPDATED)}}, {1, 0, 0, {KEY(LINKED)}}}},
		"key:updated id=3; key:linked"},
	{"key:1,2", {1, 0, {{1, 0, 0, {6}}}}, "key:updated,linked"},
	{"i", {1, 0, {{1, 0, 0, {KEY(INSTANTIATED)}}}}, "key:instantiated"},
	{"p", {1, 0, {{1, 0, 0, {KEY(UPDATED)}}}}, "key:updated"},
	{"l", {1, 0, {{1, 0, 0, {KEY(LINKED)}}}}, "key:linked"},
	{"n", {1, 0, {{1, 0, 0, {KEY(UNLINKED)}}}}, "key:unlinked"},
	{"c", {1, 0, {{1, 0, 0, {KEY(CLEARED)}}}}, "key:cleared"},
	{"r", {1, 0, {{1, 0, 0, {KEY(REVOKED)}}}}, "key:revoked"},
	{"v", {1, 0, {{1, 0, 0, {KEY(INVALIDATED)}}}}, "key:invalidated"},
	{"s", {1, 0, {{1, 0, 0, {KEY(SETATTR)}}}}, "key:setattr"},
	{"iplncrvs", {1, 0, {{1, 0, 0, {0xff}}}},
		"key:instantiated,updated,linked,unlinked,cleared,revoked,invalidated,setattr"},
	{"lnc id=7", {1, 0, {{1, 0x700, 0xff00, {0x1c}}}}, "key:linked,unlinked,cleared id=7"},
	{"key:none", {1, 0, {{1, 0, 0, {0}}}}, NULL},
	{"key:0-31", {1, 0, {{1, 0, 0, {ALL}}}}, NULL},
	{"key:0-255", {1, 0, {{1, 0, 0, EVERY}}}, "key"},
	{"key:linked,9,200-255",
		{1, 0, {{1, 0, 0, {1 << 2 | 1 << 9, 0, 0, 0, 0, 0, 0xffffff00, ALL}}}}, NULL},
	{"9", {1, 0, {{9, 0, 0, EVERY}}}, NULL},
	{"4294967295:7", {1, 0, {{ALL, 0, 0, {1 << 7}}}}, NULL},
	{"9:1,3-5 id=0", {1, 0, {{9, 0, 0xff00, {0x3a}}}}, NULL},
	{"key info=0x10000/0x30000", {1, 0, {{1, 0x10000, 0x30000, EVERY}}}, NULL},
	{"key info=10000/30000", {1, 0, {{1, 0x10000, 0x30000, EVERY}}},
		"key info=0x10000/0x30000"},
	{"key info=10000/30000 id=255", {1, 0, {{1, 0x1ff00, 0x3ff00, EVERY}}},
		"key id=255 info=0x10000/0x30000"},
	{"key info=0x300/0xff00", {1, 0, {{1, 0x300, 0xff00, EVERY}}}, "key id=3"},
	{"key info=0x100/0x300", {1, 0, {{1, 0x100, 0x300, EVERY}}}, NULL},
	{"key key key key key key key key key key key key key key key key",
		{16, 0,
			{{1, 0, 0, EVERY}, {1, 0, 0, EVERY}, {1, 0, 0, EVERY}, {1, 0, 0, EVERY},
				{1, 0, 0, EVERY}, {1, 0, 0, EVERY}, {1, 0, 0, EVERY},
				{1, 0, 0, EVERY}, {1, 0, 0, EVERY}, {1, 0, 0, EVERY},
				{1, 0, 0, EVERY}, {1, 0, 0, EVERY}, {1, 0, 0, EVERY},
				{1, 0, 0, EVERY}, {1, 0, 0, EVERY}, {1, 0, 0, EVERY}}},
		"key; key; key; key; key; key; key; key; key; key; key; key; key; key; key; "
		"key"},
};

START_TEST(words_become_the_rules_they_say)
{
	struct wqfs_filter f;
	char why[200] = "";

	ck_assert_msg(!wq_filter_from_text(&f, words[_i].text, why, sizeof(why)), "%s: %s",
		words[_i].text, why);
	ck_assert_mem_eq(&f, &words[_i].want, sizeof(f));
}
END_TEST

START_TEST(rules_become_words_that_read_back_to_the_same_rules)
{
	const char *want = words[_i].back ? words[_i].back : words[_i].text;
	struct wqfs_filter f;
	char text[1000], why[200];

	ck_assert_int_eq(
		wq_filter_to_text(&words[_i].want, text, sizeof(text)), (int)strlen(want));
	ck_assert_str_eq(text, want);
	ck_assert_int_eq(wq_filter_from_text(&f, text, why, sizeof(why)), 0);
	ck_assert_mem_eq(&f, &words[_i].want, sizeof(f));
}
END_TEST

START_TEST(what_words_say_the_kernel_accepts)
{
	struct wq_filter f;

	if (!words[_i].want.nr_filters)
		return;
	ck_assert_int_eq(wq_filter_parse(&f, &words[_i].want, sizeof(words[_i].want)), 0);
}
END_TEST

/* Any valid filter, not only one that a person would write. */
static void random_filter(struct wqfs_filter *f)
{
	memset(f, 0, sizeof(*f));
	f->nr_filters = (unsigned int)(rand() % WQFS_FILTER_MAX) + 1;
	for (uint32_t i = 0; i < f->nr_filters; i++) {
		struct watch_notification_type_filter *rule = &f->filters[i];

		rule->type = (unsigned int)rand() % 4;
		rule->info_mask = (unsigned int)rand() & ~WATCH_INFO_LENGTH;
		rule->info_filter = (unsigned int)rand() & rule->info_mask;
		for (int w = 0; w < 8; w++)
			rule->subtype_filter[w] = (unsigned int)rand() & (unsigned int)rand();
	}
}

START_TEST(every_valid_filter_has_words)
{
	static char text[32768];
	struct wqfs_filter in, out;
	char why[200] = "";

	srand(1);
	for (int i = 0; i < 300; i++) {
		random_filter(&in);
		ck_assert_int_lt(wq_filter_to_text(&in, text, sizeof(text)), (int)sizeof(text));
		ck_assert_msg(!wq_filter_from_text(&out, text, why, sizeof(why)), "%s: %s",
			text, why);
		ck_assert_mem_eq(&in, &out, sizeof(in));
	}
}
END_TEST

START_TEST(a_short_buffer_gets_the_start_and_the_length)
{
	struct wqfs_filter f = {2, 0, {{1, 0, 0, {2}}, {1, 0, 0, {4}}}};
	const char *whole = "key:updated; key:linked";
	char buf[100];

	for (size_t size = 0; size <= strlen(whole); size++) {
		memset(buf, 'x', sizeof(buf));
		ck_assert_int_eq(wq_filter_to_text(&f, buf, size), (int)strlen(whole));
		if (size) {
			ck_assert_mem_eq(buf, whole, size - 1);
			ck_assert_int_eq(buf[size - 1], '\0');
		}
		ck_assert_int_eq(buf[size], 'x');
	}
	ck_assert_int_eq(wq_filter_to_text(&f, NULL, 0), (int)strlen(whole));
}
END_TEST

#define NO_RULE	   "must begin with key, meta or a number, or be letters of keyctl's (iplncrvs)"
#define NO_SUBTYPE "must be a name or a number from 0 to 255"

static const struct {
	const char *text, *why;
} refusals[] = {
	{"", "missing rule: 'none' removes a filter"},
	{" ; ", "missing rule: 'none' removes a filter"},
	{"none key", "'none' cannot be combined with other words"},
	{"key none", "'none' cannot be combined with other words"},
	{"none none", "'none' cannot be combined with other words"},
	{"keys", "invalid rule: 'keys': " NO_RULE},
	{"updated", "invalid rule: 'updated': " NO_RULE},
	{"KEY", "invalid rule: 'KEY': " NO_RULE},
	{"mount:1", "invalid type: 'mount': must be key, meta or a number"},
	{":1", "invalid type: '': must be key, meta or a number"},
	{"-1", "invalid rule: '-1': " NO_RULE},
	{"4294967296", "invalid rule: '4294967296': " NO_RULE},
	{"key:update", "invalid subtype of key: 'update': " NO_SUBTYPE},
	{"key:", "invalid subtype of key: '': " NO_SUBTYPE},
	{"key:updated,", "invalid subtype of key: '': " NO_SUBTYPE},
	{"key:256", "invalid subtype of key: '256': " NO_SUBTYPE},
	{"key:5-4", "invalid subtype of key: '5-4': " NO_SUBTYPE},
	{"key:5-", "invalid subtype of key: '5-': " NO_SUBTYPE},
	{"key:updated,none", "invalid subtype of key: 'none': " NO_SUBTYPE},
	{"9:updated", "invalid subtype: 'updated': must be a number from 0 to 255"},
	{"id=3", "missing rule before 'id=3'"},
	{"key; id=3", "missing rule before 'id=3'"},
	{"key id=256", "invalid watch id: '256': must be from 0 to 255"},
	{"key id=-1", "invalid watch id: '-1': must be from 0 to 255"},
	{"key id= 3", "invalid watch id: '': must be from 0 to 255"},
	{"key id=1,2", "invalid watch id: '1,2': must be from 0 to 255"},
	{"key id=1 id=2", "conflicting condition: 'id=2': the rule matches these bits already"},
	{"key id=1 info=100/100",
		"conflicting condition: 'info=100/100': the rule matches these bits already"},
	{"key info=1", "invalid condition: 'info=1': must be info=VALUE/MASK in hexadecimal"},
	{"key info=/", "invalid condition: 'info=/': must be info=VALUE/MASK in hexadecimal"},
	{"key info=0/0x1ffffffff", "invalid condition: 'info=0/0x1ffffffff': must be "
				   "info=VALUE/MASK in hexadecimal"},
	{"key info=g/ff00",
		"invalid condition: 'info=g/ff00': must be info=VALUE/MASK in hexadecimal"},
	{"key info=10/10",
		"invalid condition: 'info=10/10': the mask covers the record's length (0x7f)"},
	{"key info=300/100",
		"invalid condition: 'info=300/100': the value has bits outside its mask"},
	{"key flags=1", "unrecognized condition: 'flags=1': must be id=N or info=VALUE/MASK"},
	{"key key key key key key key key key key key key key key key key meta",
		"extra rule 'meta': a filter has at most 16"},
	{"wordsthatgoonandonuntiltheywouldfillthewholemessage",
		"invalid rule: 'wordsthatgoonandonuntiltheywouldfillthew': " NO_RULE},
};

START_TEST(bad_words_are_named_with_the_reason)
{
	struct wqfs_filter f, before;
	char why[200] = "";

	memset(&f, 0x55, sizeof(f));
	before = f;
	ck_assert_int_eq(wq_filter_from_text(&f, refusals[_i].text, why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(why, refusals[_i].why);
	ck_assert_mem_eq(&f, &before, sizeof(f));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *tc = tcase_create("filter");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(
		tc, a_filter_is_accepted_or_refused_as_the_kernel_does, 0, ARRAY_SIZE(layouts));
	tcase_add_test(tc, rules_beyond_the_count_are_not_kept);
	tcase_add_loop_test(tc, a_record_passes_as_in_the_kernel, 0, ARRAY_SIZE(passes));
	tcase_add_loop_test(tc, words_become_the_rules_they_say, 0, ARRAY_SIZE(words));
	tcase_add_loop_test(
		tc, rules_become_words_that_read_back_to_the_same_rules, 0, ARRAY_SIZE(words));
	tcase_add_loop_test(tc, what_words_say_the_kernel_accepts, 0, ARRAY_SIZE(words));
	tcase_add_test(tc, every_valid_filter_has_words);
	tcase_add_test(tc, a_short_buffer_gets_the_start_and_the_length);
	tcase_add_loop_test(tc, bad_words_are_named_with_the_reason, 0, ARRAY_SIZE(refusals));
	return run_suite(s);
}
