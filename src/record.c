/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "names.h"

static const char *const format_names[] = {
	[WQFS_FORMAT_RAW] = "raw",
	[WQFS_FORMAT_TEXT] = "text",
	[WQFS_FORMAT_JSON] = "json",
};

#define NR_FORMATS (sizeof(format_names) / sizeof(format_names[0]))

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

/* A record taken apart. */
struct view {
	struct watch_notification n;
	unsigned int id, flags;
	const uint8_t *body;
	size_t body_len;
	bool is_key;	 /* key and aux are set */
	bool is_removal; /* object is set, unless it was not told */
	bool is_loss;
	uint32_t key, aux;
	uint64_t object; /* 0: not told */
};

static struct view view_record(const struct wq_record *r)
{
	struct view v = {.body = r->data + sizeof(v.n), .body_len = r->len - sizeof(v.n)};

	memcpy(&v.n, r->data, sizeof(v.n));
	v.id = (v.n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT;
	v.flags = (v.n.info & WATCH_INFO_TYPE_INFO) >> WATCH_INFO_TYPE_INFO__SHIFT;
	if (v.n.type == WATCH_TYPE_KEY_NOTIFY && r->len == sizeof(struct key_notification)) {
		v.is_key = true;
		memcpy(&v.key, v.body, sizeof(v.key));
		memcpy(&v.aux, v.body + sizeof(v.key), sizeof(v.aux));
	} else if (v.n.type == WATCH_TYPE_META) {
		v.is_loss = v.n.subtype == WATCH_META_LOSS_NOTIFICATION;
		v.is_removal = v.n.subtype == WATCH_META_REMOVAL_NOTIFICATION;
		if (v.is_removal && v.body_len >= sizeof(v.object))
			memcpy(&v.object, v.body, sizeof(v.object));
	}
	return v;
}

static void put_hex(char *out, const struct view *v)
{
	for (size_t i = 0; i < v->body_len; i++)
		sprintf(out + 2 * i, "%02x", v->body[i]);
	out[2 * v->body_len] = '\0';
}

#define HEX_MAX (2 * WQFS_RECORD_MAX)

/* ---- text ---- */

/* What keyctl watch prints, by subtype; the ones with a second key take its serial. */
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

/* keyctl has no words for these. */
static int other_text(const struct view *v, char *line, size_t size)
{
	char hex[HEX_MAX];
	int len = snprintf(line, size, "type %u.%u len=%zu id=%u", v->n.type, v->n.subtype,
		sizeof(v->n) + v->body_len, v->id);

	if (v->flags)
		len += snprintf(line + len, size - (size_t)len, " flags=0x%x", v->flags);
	if (v->body_len) {
		put_hex(hex, v);
		len += snprintf(line + len, size - (size_t)len, " body=%s", hex);
	}
	return len + snprintf(line + len, size - (size_t)len, "\n");
}

static int to_text(const struct wq_record *r, char *line, size_t size)
{
	struct view v = view_record(r);

	if (v.is_loss)
		return snprintf(line, size, "-- LOSS --\n");
	if (v.is_removal)
		return snprintf(line, size, "%" PRIu64 " gc\n", v.object);
	if (!v.is_key || v.n.subtype >= sizeof(key_words) / sizeof(key_words[0]))
		return other_text(&v, line, size);
	if (key_words[v.n.subtype].has_aux)
		return snprintf(
			line, size, "%u %s %u\n", v.key, key_words[v.n.subtype].word, v.aux);
	return snprintf(line, size, "%u %s\n", v.key, key_words[v.n.subtype].word);
}

/* ---- JSON ---- */

#define TIME_MAX sizeof("-2147483648-12-31T23:59:60.000000000Z")

static void put_time(char *out, size_t size, const struct timespec *when)
{
	struct tm tm;
	size_t len = 0;

	if (gmtime_r(&when->tv_sec, &tm))
		len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, size - len, ".%09ldZ", when->tv_nsec);
}

/* Bytes of the UTF-8 character at S of LEN bytes, 0 if there is none. */
static size_t utf8_length(const char *s, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++) {
		json_t *chr = json_stringn(s, n);

		json_decref(chr);
		if (chr)
			return n;
	}
	return 0;
}

#define COMM_SIZE sizeof(((struct wq_cred *)NULL)->comm)

/* A command's name may be any bytes: those that are not UTF-8 become \xNN, and a
 * backslash \\, so that it can be read back. */
static json_t *comm_to_json(const char *comm)
{
	char out[4 * COMM_SIZE];
	size_t left = strnlen(comm, COMM_SIZE), len = 0;

	while (left) {
		size_t n = utf8_length(comm, left);

		if (!n) {
			len += (size_t)sprintf(out + len, "\\x%02x", (unsigned char)*comm);
			n = 1;
		} else if (*comm == '\\') {
			len += (size_t)sprintf(out + len, "\\\\");
		} else {
			memcpy(out + len, comm, n);
			len += n;
		}
		comm += n;
		left -= n;
	}
	return json_stringn(out, len);
}

static json_t *who_to_json(const struct wq_cred *who)
{
	return json_pack("{s:I, s:I, s:I, s:o}", "pid", (json_int_t)who->pid, "uid",
		(json_int_t)who->uid, "gid", (json_int_t)who->gid, "comm",
		comm_to_json(who->comm));
}

static json_t *name_or_number(const char *name, unsigned int number)
{
	return name ? json_string(name) : json_integer(number);
}

/* What stands in the body, or NULL; an empty object if there is nothing to say. */
static json_t *body_to_json(const struct view *v)
{
	char hex[HEX_MAX];

	/* aux is a serial, or what an instantiation gave: 0 or a negative errno. */
	if (v->is_key)
		return json_pack("{s:I, s:I}", "key", (json_int_t)v->key, "aux",
			(json_int_t)(int32_t)v->aux);
	if (v->is_removal && v->object)
		return json_pack("{s:I}", "object", (json_int_t)v->object);
	if (v->is_removal || v->is_loss)
		return json_object();
	put_hex(hex, v);
	return json_pack("{s:s}", "body", hex);
}

/* Moves the members of PART, which may be NULL for want of memory, to OBJ. 0 or -1. */
static int take_members(json_t *obj, json_t *part)
{
	int err = json_object_update(obj, part);

	json_decref(part);
	return err;
}

static json_t *to_json(const struct wq_record *r)
{
	struct view v = view_record(r);
	char when[TIME_MAX];
	json_t *obj;
	int err = 0;

	put_time(when, sizeof(when), &r->when);
	obj = json_pack("{s:s, s:o, s:o, s:i}", "time", when, "type",
		name_or_number(wq_type_name(v.n.type), v.n.type), "subtype",
		name_or_number(wq_subtype_name(v.n.type, v.n.subtype), v.n.subtype), "id",
		v.id);
	if (!obj)
		return NULL;
	err |= take_members(obj, body_to_json(&v));
	if (v.flags)
		err |= json_object_set_new(obj, "flags", json_integer(v.flags));
	if (r->who.pid)
		err |= json_object_set_new(obj, "who", who_to_json(&r->who));
	if (err) {
		json_decref(obj);
		return NULL;
	}
	return obj;
}

static int to_json_line(const struct wq_record *r, char *line, size_t size)
{
	json_t *obj = to_json(r);
	size_t len;

	if (!obj)
		return -ENOMEM;
	len = json_dumpb(obj, line, size - 1, JSON_COMPACT);
	json_decref(obj);
	if (!len || len >= size)
		return -ENOMEM;
	line[len++] = '\n';
	return (int)len;
}

/* ---- any format ---- */

ssize_t wq_record_render(
	const struct wq_record *r, enum wqfs_format format, void *buf, size_t size)
{
	char line[WQ_RENDER_MAX];
	const void *from = line;
	int len = r->len;

	switch (format) {
	case WQFS_FORMAT_RAW:
		from = r->data;
		break;
	case WQFS_FORMAT_TEXT:
		len = to_text(r, line, sizeof(line));
		break;
	case WQFS_FORMAT_JSON:
		len = to_json_line(r, line, sizeof(line));
		break;
	}
	if (len < 0)
		return len;
	if ((size_t)len > size)
		return -ENOBUFS;
	memcpy(buf, from, (size_t)len);
	return len;
}

size_t wq_record_size(const struct wq_record *r, enum wqfs_format format)
{
	char line[WQ_RENDER_MAX];
	ssize_t len = r->len;

	if (format != WQFS_FORMAT_RAW)
		len = wq_record_render(r, format, line, sizeof(line));
	return len < 0 ? 0 : (size_t)len;
}

ssize_t wq_record_parse(struct wq_record *r, const void *raw, size_t len)
{
	struct watch_notification n;
	size_t size;

	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, raw, sizeof(n));
	size = (n.info & WATCH_INFO_LENGTH) >> WATCH_INFO_LENGTH__SHIFT;
	if (size < WQFS_RECORD_MIN || size > len)
		return -EINVAL;
	*r = (struct wq_record){.len = (uint8_t)size};
	memcpy(r->data, raw, size);
	return (ssize_t)size;
}
