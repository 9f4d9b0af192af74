/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

#include <string.h>

#include "../error_name.h"

int sc_split(char *line, char *words[SC_WORDS_MAX])
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \t\n", &save); w && n < SC_WORDS_MAX;
		w = strtok_r(NULL, " \t\n", &save))
		words[n++] = w;
	return n;
}

const char *sc_error_name(int error)
{
	const char *name = test_error_name(error);

	return name ? name : "E?";
}

void sc_print_result(FILE *out, long r)
{
	if (r < 0)
		fprintf(out, "= -%s\n", sc_error_name((int)-r));
	else
		fprintf(out, "= %ld\n", r);
}

/* The record at BUF, header copied to N. Returns its length, or 0 if what is there is no
 * whole record: then nothing behind it can be told apart either. */
static size_t next_record(struct watch_notification *n, const unsigned char *buf, size_t len)
{
	size_t size;

	if (len < sizeof(*n))
		return 0;
	memcpy(n, buf, sizeof(*n));
	size = n->info & WATCH_INFO_LENGTH;
	return size >= sizeof(*n) && size <= len ? size : 0;
}

/* The 32-bit word at byte OFF of a record of LEN bytes; 0 if it is not that long. */
static uint32_t word_at(const unsigned char *record, size_t len, size_t off)
{
	uint32_t word = 0;

	if (len >= off + sizeof(word))
		memcpy(&word, record + off, sizeof(word));
	return word;
}

static void print_meta(FILE *out, const struct watch_notification *n,
	const unsigned char *record, size_t len, sc_name_fn *name, void *arg)
{
	if (n->subtype != WATCH_META_REMOVAL_NOTIFICATION)
		return;
	fprintf(out, " object=%s", len >= 16 ? name(arg, word_at(record, len, 8)) : "-");
}

static void print_key(
	FILE *out, const unsigned char *record, size_t len, sc_name_fn *name, void *arg)
{
	uint32_t aux = word_at(record, len, 12);

	fprintf(out, " key=%s", name(arg, word_at(record, len, 8)));
	fprintf(out, " aux=%s", aux ? name(arg, aux) : "0");
}

static void print_kind(FILE *out, const struct watch_notification *n)
{
	static const char *const meta[] = {"REMOVAL", "LOSS"};
	static const char *const key[] = {"INSTANTIATED", "UPDATED", "LINKED", "UNLINKED",
		"CLEARED", "REVOKED", "INVALIDATED", "SETATTR"};

	if (n->type == WATCH_TYPE_META && n->subtype < 2)
		fprintf(out, "  META %s", meta[n->subtype]);
	else if (n->type == WATCH_TYPE_KEY_NOTIFY && n->subtype < 8)
		fprintf(out, "  KEY %s", key[n->subtype]);
	else
		fprintf(out, "  TYPE %u.%u", n->type, n->subtype);
}

void sc_print_records(FILE *out, const void *buf, size_t len, sc_name_fn *name, void *arg)
{
	const unsigned char *record = buf;
	struct watch_notification n;
	size_t size;

	for (; len; record += size, len -= size) {
		size = next_record(&n, record, len);
		if (!size) {
			fprintf(out, "  NO RECORD in %zu bytes\n", len);
			return;
		}
		print_kind(out, &n);
		fprintf(out, " len=%zu id=%u flags=%u", size,
			(n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT,
			(n.info & WATCH_INFO_TYPE_INFO) >> WATCH_INFO_TYPE_INFO__SHIFT);
		if (n.type == WATCH_TYPE_META)
			print_meta(out, &n, record, size, name, arg);
		else if (n.type == WATCH_TYPE_KEY_NOTIFY)
			print_key(out, record, size, name, arg);
		fputc('\n', out);
	}
}

void sc_runs_end(struct sc_runs *runs, FILE *out)
{
	if (runs->n)
		fprintf(out, " %d.%dx%d", runs->kind >> 8, runs->kind & 0xff, runs->n);
	runs->n = 0;
}

void sc_runs_add(struct sc_runs *runs, FILE *out, const void *buf, size_t len)
{
	const unsigned char *record = buf;
	struct watch_notification n;
	size_t size;

	for (; len && (size = next_record(&n, record, len)); record += size, len -= size) {
		int kind = (int)(n.type << 8 | n.subtype);

		if (kind != runs->kind)
			sc_runs_end(runs, out);
		runs->kind = kind;
		runs->n++;
	}
}

static bool parse_rule(struct watch_notification_type_filter *rule, const char *word)
{
	unsigned int type, subtypes, mask, value;

	if (sscanf(word, "%u:%x:%x:%x", &type, &subtypes, &mask, &value) != 4)
		return false;
	*rule = (struct watch_notification_type_filter){
		.type = type,
		.info_mask = mask,
		.info_filter = value,
		.subtype_filter = {subtypes},
	};
	return true;
}

int sc_parse_filter(struct wqfs_filter *filter, int n, char *const words[])
{
	unsigned int rules = 0, nr = 0, reserved = 0;
	bool nr_given = false;

	if (n == 1 && !strcmp(words[0], "none"))
		return SC_FILTER_NONE;
	if (n == 1 && !strcmp(words[0], "badptr"))
		return SC_FILTER_BAD_PTR;

	memset(filter, 0, sizeof(*filter));
	for (int i = 0; i < n; i++) {
		if (sscanf(words[i], "nr=%u", &nr) == 1)
			nr_given = true;
		else if (sscanf(words[i], "reserved=%u", &reserved) == 1)
			continue;
		else if (rules < WQFS_FILTER_MAX &&
			 parse_rule(&filter->filters[rules], words[i]))
			rules++;
		else
			return -EINVAL;
	}
	filter->nr_filters = nr_given ? nr : rules;
	filter->__reserved = reserved;
	return SC_FILTER_RULES;
}
