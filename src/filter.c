/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/names.h"

/* ---- the kernel's layout ---- */

static bool mask_is_valid(const struct watch_notification_type_filter *rule)
{
	return !(rule->info_filter & ~rule->info_mask) &&
	       !(rule->info_mask & WATCH_INFO_LENGTH);
}

int wq_filter_parse(struct wq_filter *f, const void *raw, size_t len)
{
	const size_t head = offsetof(struct wqfs_filter, filters);
	struct wqfs_filter user = {0};

	if (len < head)
		return -EINVAL;
	memcpy(&user, raw, head);
	if (user.nr_filters < 1 || user.nr_filters > WQFS_FILTER_MAX || user.__reserved)
		return -EINVAL;
	if ((len - head) / sizeof(struct watch_notification_type_filter) < user.nr_filters)
		return -EINVAL;
	memcpy(user.filters, (const char *)raw + head,
		user.nr_filters * sizeof(struct watch_notification_type_filter));
	for (uint32_t i = 0; i < user.nr_filters; i++)
		if (!mask_is_valid(&user.filters[i]))
			return -EINVAL;
	f->user = user;
	return 0;
}

bool wq_filter_pass(const struct wq_filter *f, const struct watch_notification *n)
{
	/* When a filter is set the kernel drops rules of other types, and of the subtypes keeps
	 * only the first word. */
	if (n->type >= WATCH_TYPE__NR || n->subtype >= 32)
		return false;
	assert(f->user.nr_filters >= 1 && f->user.nr_filters <= WQFS_FILTER_MAX);
	for (uint32_t i = 0; i < f->user.nr_filters; i++) {
		const struct watch_notification_type_filter *rule = &f->user.filters[i];

		if (rule->type == n->type && (rule->subtype_filter[0] & 1U << n->subtype) &&
			(n->info & rule->info_mask) == rule->info_filter)
			return true;
	}
	return false;
}

/* ---- from words ---- */

struct word {
	const char *p;
	size_t len;
};

/* Messages quote a word up to this length. */
#define QUOTED(word) ((word).len < 40 ? (int)(word).len : 40), (word).p

struct parser {
	struct wqfs_filter filter;
	struct watch_notification_type_filter
		*rule; /* the rule that conditions are added to, or NULL */
	char *why;
	size_t why_size;
};

static int refuse(struct parser *ps, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct parser *ps, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ps->why, ps->why_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool word_is(struct word w, const char *text)
{
	return w.len == strlen(text) && !memcmp(w.p, text, w.len);
}

/* Splits W at the first SEP and stores what follows in REST. False: there is no SEP. */
static bool cut(struct word *w, char sep, struct word *rest)
{
	const char *at = memchr(w->p, sep, w->len);

	if (!at)
		return false;
	*rest = (struct word){at + 1, w->len - (size_t)(at + 1 - w->p)};
	w->len = (size_t)(at - w->p);
	return true;
}

/* Parses all of W as a number in BASE, at most MAX. */
static bool read_number(struct word w, int base, uint32_t max, uint32_t *nr)
{
	char digits[16], *end;
	unsigned long long value;

	if (w.len < 1 || w.len >= sizeof(digits))
		return false;
	memcpy(digits, w.p, w.len);
	digits[w.len] = '\0';
	if (!isxdigit((unsigned char)digits[0])) /* strtoull() would accept signs and blanks */
		return false;
	value = strtoull(digits, &end, base);
	if (*end || value > max)
		return false;
	*nr = (uint32_t)value;
	return true;
}

static void set_subtypes(
	struct watch_notification_type_filter *rule, uint32_t first, uint32_t last)
{
	assert(first <= last && last < WQ_SUBTYPES);
	for (uint32_t i = first; i <= last; i++)
		rule->subtype_filter[i / 32] |= 1U << (i % 32);
}

static int read_subtype(struct parser *ps, struct word w)
{
	struct watch_notification_type_filter *rule = ps->rule;
	struct word from = w, to;
	uint32_t first, last;
	int named = wq_subtype_by_name(rule->type, w.p, w.len);

	if (named >= 0) {
		set_subtypes(rule, (uint32_t)named, (uint32_t)named);
		return 0;
	}
	if (!cut(&from, '-', &to))
		to = from;
	if (!read_number(from, 10, WQ_SUBTYPES - 1, &first) ||
		!read_number(to, 10, WQ_SUBTYPES - 1, &last) || first > last) {
		const char *name = wq_type_name(rule->type);

		return refuse(ps,
			"invalid subtype%s%s: '%.*s': must be a %snumber from 0 to %d",
			name ? " of " : "", name ? name : "", QUOTED(w),
			name ? "name or a " : "", WQ_SUBTYPES - 1);
	}
	set_subtypes(rule, first, last);
	return 0;
}

static int read_subtypes(struct parser *ps, struct word list)
{
	struct word rest;
	bool more;

	if (word_is(list, "none"))
		return 0;
	do {
		int err;

		more = cut(&list, ',', &rest);
		err = read_subtype(ps, list);
		if (err)
			return err;
		list = rest;
	} while (more);
	return 0;
}

static bool read_type(struct word w, uint32_t *type)
{
	int named = wq_type_by_name(w.p, w.len);

	if (named < 0)
		return read_number(w, 10, UINT32_MAX, type);
	*type = (uint32_t)named;
	return true;
}

/* Parses W as the letters that keyctl takes after -f. False: it is none. */
static bool read_letters(struct word w, struct watch_notification_type_filter *rule)
{
	for (size_t i = 0; i < w.len; i++) {
		const char *letter = strchr(WQ_KEY_LETTERS, w.p[i]);

		if (!letter)
			return false;
		rule->subtype_filter[0] |= 1U << (letter - WQ_KEY_LETTERS);
	}
	rule->type = WATCH_TYPE_KEY_NOTIFY;
	return true;
}

static int read_rule(struct parser *ps, struct word w)
{
	struct word type = w, subtypes;
	struct watch_notification_type_filter *rule;
	bool listed = cut(&type, ':', &subtypes);

	if (ps->filter.nr_filters == WQFS_FILTER_MAX)
		return refuse(ps, "extra rule '%.*s': a filter has at most %d", QUOTED(w),
			WQFS_FILTER_MAX);
	rule = &ps->filter.filters[ps->filter.nr_filters++];
	ps->rule = rule;
	if (read_type(type, &rule->type)) {
		if (listed)
			return read_subtypes(ps, subtypes);
		set_subtypes(rule, 0, WQ_SUBTYPES - 1);
		return 0;
	}
	if (listed)
		return refuse(ps, "invalid type: '%.*s': must be key, meta or a number",
			QUOTED(type));
	if (read_letters(w, rule))
		return 0;
	return refuse(ps,
		"invalid rule: '%.*s': must begin with key, meta or a number, or be letters of "
		"keyctl's (%s)",
		QUOTED(w), WQ_KEY_LETTERS);
}

/* Adds one more condition on info to the rule. */
static int match_info(struct parser *ps, struct word w, uint32_t value, uint32_t mask)
{
	if (ps->rule->info_mask & mask)
		return refuse(ps,
			"conflicting condition: '%.*s': the rule matches these bits already",
			QUOTED(w));
	ps->rule->info_mask |= mask;
	ps->rule->info_filter |= value;
	assert(mask_is_valid(ps->rule));
	return 0;
}

static int read_id(struct parser *ps, struct word w, struct word nr)
{
	uint32_t id;

	if (!read_number(nr, 10, WQFS_WATCH_ID_MAX, &id))
		return refuse(ps, "invalid watch id: '%.*s': must be from 0 to %d", QUOTED(nr),
			WQFS_WATCH_ID_MAX);
	return match_info(ps, w, id << WATCH_INFO_ID__SHIFT, WATCH_INFO_ID);
}

static int read_info(struct parser *ps, struct word w, struct word value)
{
	struct word mask;
	struct watch_notification_type_filter asked = {0};

	if (!cut(&value, '/', &mask) ||
		!read_number(value, 16, UINT32_MAX, &asked.info_filter) ||
		!read_number(mask, 16, UINT32_MAX, &asked.info_mask))
		return refuse(ps,
			"invalid condition: '%.*s': must be info=VALUE/MASK in hexadecimal",
			QUOTED(w));
	if (asked.info_mask & WATCH_INFO_LENGTH)
		return refuse(ps,
			"invalid condition: '%.*s': the mask covers the record's length (0x%x)",
			QUOTED(w), WATCH_INFO_LENGTH);
	if (!mask_is_valid(&asked))
		return refuse(ps,
			"invalid condition: '%.*s': the value has bits outside its mask",
			QUOTED(w));
	return match_info(ps, w, asked.info_filter, asked.info_mask);
}

static int read_condition(struct parser *ps, struct word w, struct word name, struct word value)
{
	if (!ps->rule)
		return refuse(ps, "missing rule before '%.*s'", QUOTED(w));
	if (word_is(name, "id"))
		return read_id(ps, w, value);
	if (word_is(name, "info"))
		return read_info(ps, w, value);
	return refuse(ps, "unrecognized condition: '%.*s': must be id=N or info=VALUE/MASK",
		QUOTED(w));
}

static int read_word(struct parser *ps, struct word w)
{
	struct word name = w, value;

	if (cut(&name, '=', &value))
		return read_condition(ps, w, name, value);
	return read_rule(ps, w);
}

static bool ends_word(char c)
{
	return !c || c == ';' || isspace((unsigned char)c);
}

/* Takes the next word from *TEXT. A ';' before it ends the rule. */
static bool next_word(struct parser *ps, const char **text, struct word *w)
{
	const char *p = *text;

	for (; *p == ';' || isspace((unsigned char)*p); p++)
		if (*p == ';')
			ps->rule = NULL;
	w->p = p;
	while (!ends_word(*p))
		p++;
	w->len = (size_t)(p - w->p);
	*text = p;
	return w->len;
}

int wq_filter_from_text(struct wqfs_filter *out, const char *text, char *why, size_t why_size)
{
	struct parser ps = {.why = why, .why_size = why_size};
	struct word w;
	bool none = false;
	int err;

	while (next_word(&ps, &text, &w)) {
		if (none || (word_is(w, "none") && ps.filter.nr_filters))
			return refuse(&ps, "'none' cannot be combined with other words");
		none = word_is(w, "none");
		err = none ? 0 : read_word(&ps, w);
		if (err)
			return err;
	}
	if (!none && !ps.filter.nr_filters)
		return refuse(&ps, "missing rule: 'none' removes a filter");
	*out = ps.filter;
	return 0;
}

/* ---- to words ---- */

struct writer {
	char *buf;
	size_t size, len; /* len counts on when buf is full */
};

static void put(struct writer *wr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *wr, const char *fmt, ...)
{
	bool fits = wr->len < wr->size;
	va_list ap;

	va_start(ap, fmt);
	wr->len += (size_t)vsnprintf(
		fits ? wr->buf + wr->len : NULL, fits ? wr->size - wr->len : 0, fmt, ap);
	va_end(ap);
}

static bool has_subtype(const struct watch_notification_type_filter *rule, unsigned int subtype)
{
	return subtype < WQ_SUBTYPES &&
	       rule->subtype_filter[subtype / 32] & 1U << (subtype % 32);
}

static unsigned int end_of_run(
	const struct watch_notification_type_filter *rule, unsigned int subtype)
{
	while (has_subtype(rule, subtype + 1))
		subtype++;
	return subtype;
}

/* Writes one subtype, or a range of numbers for those without names. Returns the
 * last of them. */
static unsigned int put_run(struct writer *wr,
	const struct watch_notification_type_filter *rule, unsigned int first)
{
	unsigned int last = end_of_run(rule, first);
	const char *name = wq_subtype_name(rule->type, first);

	if (last > first && !wq_subtype_name(rule->type, last)) {
		put(wr, "%u-%u", first, last);
		return last;
	}
	if (name)
		put(wr, "%s", name);
	else
		put(wr, "%u", first);
	return first;
}

static void put_subtypes(struct writer *wr, const struct watch_notification_type_filter *rule)
{
	const char *sep = "";

	put(wr, ":");
	for (unsigned int i = 0; i < WQ_SUBTYPES; i++) {
		if (!has_subtype(rule, i))
			continue;
		put(wr, "%s", sep);
		i = put_run(wr, rule, i);
		sep = ",";
	}
	if (!*sep)
		put(wr, "none");
}

static void put_rule(struct writer *wr, const struct watch_notification_type_filter *rule)
{
	const char *name = wq_type_name(rule->type);
	uint32_t mask = rule->info_mask, value = rule->info_filter;

	if (name)
		put(wr, "%s", name);
	else
		put(wr, "%u", rule->type);
	if (end_of_run(rule, 0) < WQ_SUBTYPES - 1 || !has_subtype(rule, 0))
		put_subtypes(wr, rule);
	if ((mask & WATCH_INFO_ID) == WATCH_INFO_ID) {
		put(wr, " id=%u", (value & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT);
		mask &= ~WATCH_INFO_ID;
		value &= ~WATCH_INFO_ID;
	}
	if (mask)
		put(wr, " info=0x%x/0x%x", value, mask);
}

int wq_filter_to_text(const struct wqfs_filter *f, char *buf, size_t size)
{
	struct writer wr = {buf, size, 0};

	assert(f->nr_filters <= WQFS_FILTER_MAX);
	if (!f->nr_filters)
		put(&wr, "none");
	for (uint32_t i = 0; i < f->nr_filters; i++) {
		put(&wr, "%s", i ? "; " : "");
		put_rule(&wr, &f->filters[i]);
	}
	return (int)wr.len;
}
