/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "record/json_plain.h"
#include "record/put.h"
#include "record/record_json.h"
#include "record/record_view.h"
#include "record/render.h"

static const char *const format_names[] = {
	[WQFS_FORMAT_RAW] = "raw",
	[WQFS_FORMAT_TEXT] = "text",
	[WQFS_FORMAT_JSON] = "json",
};

#define NR_FORMATS ARRAY_SIZE(format_names)

const char *wq_format_name(enum wqfs_format format)
{
	return format_names[format];
}

int wq_format_parse(const char *name)
{
	for (size_t i = 0; i < NR_FORMATS; i++)
		if (!strcmp(name, format_names[i]))
			return (int)i;
	return -EINVAL;
}

/* ---- text ---- */

/* The words of keyctl watch, by subtype. Those with a second key print its serial. */
static const struct {
	const char *word;
	bool has_aux;
} key_words[] = {
	[NOTIFY_KEY_INSTANTIATED] = {"inst", false},
	[NOTIFY_KEY_UPDATED] = {"upd", false},
	[NOTIFY_KEY_LINKED] = {"link", true},
	[NOTIFY_KEY_UNLINKED] = {"unlk", true},
	[NOTIFY_KEY_CLEARED] = {"clr", false},
	[NOTIFY_KEY_REVOKED] = {"rev", false},
	[NOTIFY_KEY_INVALIDATED] = {"inv", false},
	[NOTIFY_KEY_SETATTR] = {"attr", false},
};

#define NR_KEY_WORDS ARRAY_SIZE(key_words)

/* LINE has room for any line. */
static int key_text(const struct wq_view *v, char *line)
{
	const char *word = key_words[v->n.subtype].word;
	char *p = WQ_PUT(wq_put_number(line, v->key), " ");

	p = wq_put(p, word, strlen(word));
	if (key_words[v->n.subtype].has_aux)
		p = wq_put_number(WQ_PUT(p, " "), v->aux);
	return (int)(WQ_PUT(p, "\n") - line);
}

/* Records for which keyctl has no words. */
static int other_text(const struct wq_view *v, char *line, size_t size)
{
	char hex[WQ_HEX_MAX], flags[sizeof(" flags=0xffffffff")] = "";

	wq_view_hex(v, hex);
	if (v->flags)
		snprintf(flags, sizeof(flags), " flags=0x%x", v->flags);
	return snprintf(line, size, "type %u.%u len=%zu id=%u%s%s%s\n", v->n.type, v->n.subtype,
		sizeof(v->n) + v->body_len, v->id, flags, *hex ? " body=" : "", hex);
}

static int to_text(const struct wq_record *r, char *line, size_t size)
{
	struct wq_view v;

	wq_record_view(&v, r);
	if (v.kind == WQ_KIND_LOSS)
		return snprintf(line, size, "-- LOSS --\n");
	if (v.kind == WQ_KIND_REMOVAL)
		return snprintf(line, size, "%" PRIu64 " gc\n", v.object);
	if (v.kind == WQ_KIND_KEY && v.n.subtype < NR_KEY_WORDS)
		return key_text(&v, line);
	return other_text(&v, line, size);
}

/* The length of the line of key_text(), without making that line. */
static size_t key_text_size(const struct wq_view *v)
{
	size_t n = wq_digits(v->key) + sizeof(" \n") - 1 + strlen(key_words[v->n.subtype].word);

	return key_words[v->n.subtype].has_aux ? n + 1 + wq_digits(v->aux) : n;
}

static size_t text_size(const struct wq_record *r)
{
	struct wq_view v;
	char line[WQ_RENDER_MAX];

	wq_record_view(&v, r);
	if (v.kind == WQ_KIND_KEY && v.n.subtype < NR_KEY_WORDS)
		return key_text_size(&v);
	if (v.kind == WQ_KIND_REMOVAL)
		return wq_digits(v.object) + sizeof(" gc\n") - 1;
	return (size_t)to_text(r, line, sizeof(line));
}

/* ---- any format ---- */

ssize_t wq_record_render(
	const struct wq_record *r, enum wqfs_format format, void *buf, size_t size)
{
	char line[WQ_RENDER_MAX];
	char *to = size >= sizeof(line) ? buf : line;
	const void *from = to;
	int len = r->len;

	switch (format) {
	case WQFS_FORMAT_RAW:
		from = r->data;
		break;
	case WQFS_FORMAT_TEXT:
		len = to_text(r, to, sizeof(line));
		break;
	case WQFS_FORMAT_JSON:
		len = wq_record_to_json(r, to, sizeof(line));
		break;
	}
	if (len < 0)
		return len;
	if ((size_t)len > size)
		return -ENOBUFS;
	if (from != buf)
		memcpy(buf, from, (size_t)len);
	return len;
}

size_t wq_record_size(const struct wq_record *r, enum wqfs_format format)
{
	switch (format) {
	case WQFS_FORMAT_TEXT:
		return text_size(r);
	case WQFS_FORMAT_JSON:
		return wq_record_json_size(r);
	case WQFS_FORMAT_RAW:
		break;
	}
	return r->len;
}

size_t wq_record_least(enum wqfs_format format)
{
	switch (format) {
	case WQFS_FORMAT_TEXT:
		return sizeof("0 gc\n") - 1;
	case WQFS_FORMAT_JSON:
		return WQ_JSON_LEAST;
	case WQFS_FORMAT_RAW:
		break;
	}
	return WQFS_RECORD_MIN;
}
