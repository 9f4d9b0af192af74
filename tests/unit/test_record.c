/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <jansson.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "record/put.h"
#include "record/record.h"
#include "record/record_json.h"
#include "record/render.h"
#include "run.h"

/* A record of LEN bytes with the 32-bit words A and B after its header, and then zeros. */
static struct wq_record make(
	unsigned int type, unsigned int subtype, unsigned int info, uint32_t a, uint32_t b)
{
	struct key_notification k = {{type, subtype, info}, a, b};
	struct wq_record r = {.when = {1709210096, 7}, .len = info & WATCH_INFO_LENGTH};

	memcpy(r.data, &k, r.len < sizeof(k) ? r.len : sizeof(k));
	return r;
}

static const struct {
	unsigned int type, subtype, info;
	uint32_t a, b;
	const char *text, *json; /* JSON without the time */
} records[] = {
	{1, NOTIFY_KEY_INSTANTIATED, 16 | 1 << 8, 123456, 0, "123456 inst",
		"\"type\":\"key\",\"subtype\":\"instantiated\",\"id\":1,\"key\":123456,\"aux\":"
		"0"},
	{1, NOTIFY_KEY_INSTANTIATED, 16 | 1 << 8, 123456, (uint32_t)-ENOKEY, "123456 inst",
		"\"type\":\"key\",\"subtype\":\"instantiated\",\"id\":1,\"key\":123456,\"aux\":"
		"-126"},
	{1, NOTIFY_KEY_UPDATED, 16 | 255 << 8, 2147483647, 0, "2147483647 upd",
		"\"type\":\"key\",\"subtype\":\"updated\",\"id\":255,\"key\":2147483647,"
		"\"aux\":0"},
	{1, NOTIFY_KEY_LINKED, 16, 123456, 654321, "123456 link 654321",
		"\"type\":\"key\",\"subtype\":\"linked\",\"id\":0,\"key\":123456,\"aux\":"
		"654321"},
	{1, NOTIFY_KEY_UNLINKED, 16, 123456, 654321, "123456 unlk 654321",
		"\"type\":\"key\",\"subtype\":\"unlinked\",\"id\":0,\"key\":123456,\"aux\":"
		"654321"},
	{1, NOTIFY_KEY_CLEARED, 16, 123456, 0, "123456 clr",
		"\"type\":\"key\",\"subtype\":\"cleared\",\"id\":0,\"key\":123456,\"aux\":0"},
	{1, NOTIFY_KEY_REVOKED, 16, 123456, 0, "123456 rev",
		"\"type\":\"key\",\"subtype\":\"revoked\",\"id\":0,\"key\":123456,\"aux\":0"},
	{1, NOTIFY_KEY_INVALIDATED, 16, 123456, 0, "123456 inv",
		"\"type\":\"key\",\"subtype\":\"invalidated\",\"id\":0,\"key\":123456,\"aux\":"
		"0"},
	{1, NOTIFY_KEY_SETATTR, 16 | 3 << 16, 123456, 0, "123456 attr",
		"\"type\":\"key\",\"subtype\":\"setattr\",\"id\":0,\"key\":123456,\"aux\":0,"
		"\"flags\":3"},
	{0, WATCH_META_REMOVAL_NOTIFICATION, 16 | 4 << 8, 123456, 0, "123456 gc",
		"\"type\":\"meta\",\"subtype\":\"removal\",\"id\":4,\"object\":123456"},
	{0, WATCH_META_REMOVAL_NOTIFICATION, 16 | 4 << 8, 1, 1, "4294967297 gc",
		"\"type\":\"meta\",\"subtype\":\"removal\",\"id\":4,\"object\":4294967297"},
	{0, WATCH_META_REMOVAL_NOTIFICATION, 8 | 4 << 8, 0, 0, "0 gc",
		"\"type\":\"meta\",\"subtype\":\"removal\",\"id\":4"},
	{0, WATCH_META_LOSS_NOTIFICATION, 8, 0, 0, "-- LOSS --",
		"\"type\":\"meta\",\"subtype\":\"loss\",\"id\":0"},
	{0, 2, 8, 0, 0, "type 0.2 len=8 id=0",
		"\"type\":\"meta\",\"subtype\":2,\"id\":0,\"body\":\"\""},
	{1, 8, 16 | 2 << 8, 1, 2, "type 1.8 len=16 id=2 body=0100000002000000",
		"\"type\":\"key\",\"subtype\":8,\"id\":2,\"key\":1,\"aux\":2"},
	{1, NOTIFY_KEY_UPDATED, 12, 1, 0, "type 1.1 len=12 id=0 body=01000000",
		"\"type\":\"key\",\"subtype\":\"updated\",\"id\":0,\"body\":\"01000000\""},
	{9, 200, 9 | 7 << 8 | 0x8001U << 16, 0xab, 0,
		"type 9.200 len=9 id=7 flags=0x8001 body=ab",
		"\"type\":9,\"subtype\":200,\"id\":7,\"body\":\"ab\",\"flags\":32769"},
};

static struct wq_record nth(int i)
{
	return make(records[i].type, records[i].subtype, records[i].info, records[i].a,
		records[i].b);
}

static void render(const struct wq_record *r, enum wqfs_format format, char *line)
{
	ssize_t len = wq_record_render(r, format, line, WQ_RENDER_MAX);

	ck_assert_int_gt(len, 0);
	ck_assert_int_lt(len, WQ_RENDER_MAX);
	line[len] = '\0';
}

START_TEST(text_is_a_line_in_keyctls_words_or_our_own)
{
	struct wq_record r = nth(_i);
	char line[WQ_RENDER_MAX + 1], want[200];

	snprintf(want, sizeof(want), "%s\n", records[_i].text);
	render(&r, WQFS_FORMAT_TEXT, line);
	ck_assert_str_eq(line, want);
}
END_TEST

START_TEST(json_is_an_object_a_line_with_the_time_first)
{
	struct wq_record r = nth(_i);
	char line[WQ_RENDER_MAX + 1], want[300];

	snprintf(want, sizeof(want), "{\"time\":\"2024-02-29T12:34:56.000000007Z\",%s}\n",
		records[_i].json);
	render(&r, WQFS_FORMAT_JSON, line);
	ck_assert_str_eq(line, want);
}
END_TEST

START_TEST(json_is_as_jansson_writes_it)
{
	struct wq_record r = nth(_i);
	char line[WQ_RENDER_MAX + 1], *want;
	json_t *obj;

	r.who = (struct wq_cred){.pid = 7, .uid = 1000, .gid = 4294967295, .comm = "a b"};
	render(&r, WQFS_FORMAT_JSON, line);
	ck_assert_uint_eq(strlen(line), wq_record_size(&r, WQFS_FORMAT_JSON));
	obj = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(obj);
	want = json_dumps(obj, JSON_COMPACT);
	line[strlen(line) - 1] = '\0';
	ck_assert_str_eq(line, want);
	free(want);
	json_decref(obj);
}
END_TEST

START_TEST(raw_is_the_bytes_of_the_record)
{
	struct wq_record r = nth(_i);
	char buf[WQ_RENDER_MAX];

	ck_assert_int_eq(wq_record_render(&r, WQFS_FORMAT_RAW, buf, sizeof(buf)), r.len);
	ck_assert_mem_eq(buf, r.data, r.len);
}
END_TEST

static void fits_to_the_byte(struct wq_record r)
{
	char buf[WQ_RENDER_MAX];

	for (int format = WQFS_FORMAT_RAW; format <= WQFS_FORMAT_JSON; format++) {
		size_t size = wq_record_size(&r, format);

		ck_assert_uint_ge(size, wq_record_least(format));
		ck_assert_int_eq(wq_record_render(&r, format, buf, size), (ssize_t)size);
		ck_assert_int_eq(wq_record_render(&r, format, buf, size - 1), -ENOBUFS);
		ck_assert_int_eq(wq_record_render(&r, format, NULL, 0), -ENOBUFS);
	}
}

static const struct timespec whens[] = {
	{0, 0}, {1709210096, 999999999}, {253402300799, 1}, /* the end of 9999 */
	{253402300800, 1}, {-1, 5}, {-62167219201, 5},	    /* before the year 0 */
};

static const struct wq_cred whos[] = {
	{.pid = 1, .uid = WQ_UID_UNKNOWN},
	{.pid = 4194304, .uid = 0, .gid = 10, .comm = "bash"},
	{.pid = 10, .uid = 4294967294, .gid = 4294967294, .comm = "fifteen letters"},
	{.pid = 99, .uid = 99, .gid = 100, .comm = ""},
	{.pid = 99, .uid = 99, .gid = 100, .comm = "say \"hi\" \\"},
	{.pid = 99, .uid = 99, .gid = 100, .comm = "\001\n\t\177\377"},
	{.pid = 99, .uid = 99, .gid = 100, .comm = "\303\244\342\202\254"},
	{.pid = 99, .uid = 99, .gid = 100, .comm = "a/b <c> & ~"},
};

/* A size is counted and not found by making the line, so both must agree. */
START_TEST(a_record_fits_to_the_byte_or_not_at_all)
{
	struct wq_record r = nth(_i);

	fits_to_the_byte(r);
	for (size_t i = 0; i < ARRAY_SIZE(whens); i++) {
		r.when = whens[i];
		for (size_t j = 0; j < ARRAY_SIZE(whos); j++) {
			r.who = whos[j];
			fits_to_the_byte(r);
		}
	}
}
END_TEST

START_TEST(json_reads_back_to_the_record)
{
	struct wq_record r = nth(_i);
	struct wq_record back;
	char line[WQ_RENDER_MAX + 1];

	render(&r, WQFS_FORMAT_JSON, line);
	ck_assert_int_eq(wq_record_from_json(&back, line, strlen(line)), 0);
	ck_assert_mem_eq(&back, &r, sizeof(r));
}
END_TEST

static const char *const not_records[] = {
	"",
	"1",
	"{}",
	"{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":\"key\",\"subtype\":"
	"\"updated\"}",
	"{\"time\":\"2024-02-29\",\"type\":\"key\",\"subtype\":\"updated\",\"id\":0}",
	"{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":\"mount\",\"subtype\":1,\"id\":"
	"0}",
	"{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":\"key\",\"subtype\":\"made\","
	"\"id\":0}",
	"{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":9,\"subtype\":1,\"id\":0,"
	"\"body\":\"0\"}",
	"{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":9,\"subtype\":1,\"id\":0,"
	"\"who\":1}",
};

START_TEST(json_that_is_no_record_is_refused)
{
	struct wq_record r;

	ck_assert_int_eq(
		wq_record_from_json(&r, not_records[_i], strlen(not_records[_i])), -EINVAL);
}
END_TEST

/* ---- who ---- */

static const struct {
	char comm[16];
	const char *json;
} comms[] = {
	{"keyctl", "keyctl"},
	{"", ""},
	{"quo\"te", "quo\\\"te"},
	{"back\\slash", "back\\\\\\\\slash"},
	{"tab\there", "tab\\there"},
	{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"},
	{"\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91"},
	{"cut short \xc3", "cut short \\\\xc3"},
	{"\xff\xfe", "\\\\xff\\\\xfe"},
	{"\xc3\xbc\xbc", "\xc3\xbc\\\\xbc"},
	{"surro \xed\xa0\x80", "surro \\\\xed\\\\xa0\\\\x80"},
	{{'n', 'o', ' ', 't', 'e', 'r', 'm', 'i', 'n', 'a', 't', 'o', 'r', 'x', 'y', 'z'},
		"no terminatorxyz"},
};

START_TEST(who_did_it_stands_in_json_whatever_bytes_its_name_has)
{
	struct wq_record r = make(1, NOTIFY_KEY_UPDATED, 16, 5, 0);
	char line[WQ_RENDER_MAX + 1], want[300];
	struct wq_record back;

	r.who = (struct wq_cred){.pid = 4194304, .uid = 4294967294, .gid = 100};
	memcpy(r.who.comm, comms[_i].comm, sizeof(r.who.comm));
	snprintf(want, sizeof(want),
		"\"who\":{\"pid\":4194304,\"uid\":4294967294,\"gid\":100,\"comm\":\"%s\"}}\n",
		comms[_i].json);
	render(&r, WQFS_FORMAT_JSON, line);
	ck_assert_ptr_nonnull(strstr(line, ",\"who\""));
	ck_assert_str_eq(strstr(line, "\"who\""), want);
	ck_assert_int_eq(wq_record_from_json(&back, line, strlen(line)), 0);
	ck_assert_int_eq(back.who.pid, r.who.pid);
	ck_assert_uint_eq(back.who.uid, r.who.uid);
	ck_assert_uint_eq(back.who.gid, r.who.gid);
	ck_assert_mem_eq(back.who.comm, r.who.comm, sizeof(r.who.comm) - 1);
}
END_TEST

START_TEST(the_longest_record_stays_within_the_bound)
{
	struct wq_record r = make(0xffffff, 255, WQFS_RECORD_MAX | 0xffffff00U, 0, 0);
	char line[WQ_RENDER_MAX + 1];

	r.when = (struct timespec){INT64_C(253402300799), 999999999};
	r.who = (struct wq_cred){.pid = 2147483647, .uid = 4294967295, .gid = 4294967295};
	memset(r.who.comm, '\001', sizeof(r.who.comm) - 1);
	render(&r, WQFS_FORMAT_TEXT, line);
	render(&r, WQFS_FORMAT_JSON, line);
	r.when.tv_sec = INT64_MAX; /* no calendar has such a year */
	render(&r, WQFS_FORMAT_JSON, line);
}
END_TEST

START_TEST(formats_have_names)
{
	for (int format = WQFS_FORMAT_RAW; format <= WQFS_FORMAT_JSON; format++)
		ck_assert_int_eq(wq_format_parse(wq_format_name(format)), format);
	ck_assert_int_eq(wq_format_parse("xml"), -EINVAL);
	ck_assert_int_eq(wq_format_parse(""), -EINVAL);
	ck_assert_int_eq(wq_format_parse("JSON"), -EINVAL);
}
END_TEST

START_TEST(digits_are_counted_as_printf_writes_them)
{
	uint64_t power = 1;
	char text[32];

	for (int i = 0; i < 20; i++, power *= 10)
		for (uint64_t n = power - 1; n != power + 2; n++)
			ck_assert_uint_eq(wq_digits(n),
				(size_t)snprintf(text, sizeof(text), "%" PRIu64, n));
	ck_assert_uint_eq(wq_digits(UINT64_MAX), 20);
}
END_TEST

START_TEST(numbers_are_put_as_printf_writes_them)
{
	const uint64_t numbers[] = {0, 7, 10, 99, 100, 4711, 99999, 1234567890, UINT64_MAX};
	char text[64], expected[64];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		*wq_put_number(text, numbers[i]) = '\0';
		snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
		ck_assert_str_eq(text, expected);
		*wq_put_padded(text, numbers[i], 21) = '\0';
		snprintf(expected, sizeof(expected), "%021" PRIu64, numbers[i]);
		ck_assert_str_eq(text, expected);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *tc = tcase_create("record");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(
		tc, text_is_a_line_in_keyctls_words_or_our_own, 0, ARRAY_SIZE(records));
	tcase_add_loop_test(
		tc, json_is_an_object_a_line_with_the_time_first, 0, ARRAY_SIZE(records));
	tcase_add_loop_test(tc, json_is_as_jansson_writes_it, 0, ARRAY_SIZE(records));
	tcase_add_loop_test(tc, json_reads_back_to_the_record, 0, ARRAY_SIZE(records));
	tcase_add_loop_test(tc, json_that_is_no_record_is_refused, 0, ARRAY_SIZE(not_records));
	tcase_add_loop_test(tc, raw_is_the_bytes_of_the_record, 0, ARRAY_SIZE(records));
	tcase_add_loop_test(
		tc, a_record_fits_to_the_byte_or_not_at_all, 0, ARRAY_SIZE(records));
	tcase_add_loop_test(tc, who_did_it_stands_in_json_whatever_bytes_its_name_has, 0,
		ARRAY_SIZE(comms));
	tcase_add_test(tc, the_longest_record_stays_within_the_bound);
	tcase_add_test(tc, formats_have_names);
	tcase_add_test(tc, digits_are_counted_as_printf_writes_them);
	tcase_add_test(tc, numbers_are_put_as_printf_writes_them);
	return run_suite(s);
}
