/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/record_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "record/json_plain.h"
#include "record/names.h"
#include "record/record_view.h"

void wq_time_to_text(const struct timespec *when, char *out)
{
	struct tm tm;
	size_t len = 0;

	if (gmtime_r(&when->tv_sec, &tm))
		len = strftime(out, WQ_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, WQ_TIME_MAX - len, ".%09ldZ", when->tv_nsec);
}

/* The length of the UTF-8 character at S of LEN bytes; 0 if there is none. */
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

/* A command name may hold any bytes. Those that are not UTF-8 become \xNN, and a backslash
 * becomes \\, so that the name can be read back. */
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
	if (who->uid == WQ_UID_UNKNOWN)
		return json_pack("{s:I}", "pid", (json_int_t)who->pid);
	return json_pack("{s:I, s:I, s:I, s:o}", "pid", (json_int_t)who->pid, "uid",
		(json_int_t)who->uid, "gid", (json_int_t)who->gid, "comm",
		comm_to_json(who->comm));
}

static json_t *name_or_number(const char *name, unsigned int number)
{
	return name ? json_string(name) : json_integer(number);
}

/* The subject of the record; NULL on failure; an empty object if there is nothing to say. */
static json_t *subject_to_json(const struct wq_view *v)
{
	char hex[WQ_HEX_MAX];

	switch (v->kind) {
	case WQ_KIND_KEY:
		/* aux is a serial; or for an instantiation its result: 0 or a
		 * negative errno. */
		return json_pack("{s:I, s:I}", "key", (json_int_t)v->key, "aux",
			(json_int_t)(int32_t)v->aux);
	case WQ_KIND_REMOVAL:
		if (v->has_object)
			return json_pack("{s:I}", "object", (json_int_t)v->object);
		return json_object();
	case WQ_KIND_LOSS:
		return json_object();
	case WQ_KIND_OTHER:
		break;
	}
	wq_view_hex(v, hex);
	return json_pack("{s:s}", "body", hex);
}

/* Moves the members of PART to OBJ. PART may be NULL for want of memory. 0 or -1. */
static int take_members(json_t *obj, json_t *part)
{
	int err = json_object_update(obj, part);

	json_decref(part);
	return err;
}

static json_t *to_json(const struct wq_record *r)
{
	struct wq_view v;
	char when[WQ_TIME_MAX];
	json_t *obj;
	int err = 0;

	wq_record_view(&v, r);
	wq_time_to_text(&r->when, when);
	obj = json_pack("{s:s, s:o, s:o, s:i}", "time", when, "type",
		name_or_number(wq_type_name(v.n.type), v.n.type), "subtype",
		name_or_number(wq_subtype_name(v.n.type, v.n.subtype), v.n.subtype), "id",
		v.id);
	if (!obj)
		return NULL;
	err |= take_members(obj, subject_to_json(&v));
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

int wq_record_to_json(const struct wq_record *r, char *line, size_t size)
{
	json_t *obj;
	size_t len;

	if (wq_json_is_plain(r))
		return wq_json_plain(r, line, size);
	obj = to_json(r);
	if (!obj)
		return -ENOMEM;
	len = json_dumpb(obj, line, size, JSON_COMPACT);
	json_decref(obj);
	if (!len)
		return -ENOMEM;
	if (len >= size)
		return -ENOBUFS;
	line[len++] = '\n';
	return (int)len;
}

size_t wq_record_json_size(const struct wq_record *r)
{
	char line[WQ_RENDER_MAX];
	int len;

	if (wq_json_is_plain(r))
		return wq_json_plain_size(r);
	len = wq_record_to_json(r, line, sizeof(line));
	return len < 0 ? 0 : (size_t)len;
}

/* ---- back ---- */

int wq_time_from_text(const char *text, struct timespec *when)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int end = 0;

	if (!rest || sscanf(rest, ".%9ldZ%n", &when->tv_nsec, &end) != 1 || !end || rest[end])
		return -EINVAL;
	when->tv_sec = timegm(&tm);
	return 0;
}

/* Reads a name or a number; negative if VALUE is neither. */
static int read_type(const json_t *value)
{
	if (json_is_string(value))
		return wq_type_by_name(json_string_value(value), json_string_length(value));
	return json_is_integer(value) ? (int)json_integer_value(value) : -EINVAL;
}

static int read_subtype(uint32_t type, const json_t *value)
{
	if (json_is_string(value))
		return wq_subtype_by_name(
			type, json_string_value(value), json_string_length(value));
	return json_is_integer(value) ? (int)json_integer_value(value) : -EINVAL;
}

/* The number of bytes of the body, or -EINVAL. */
static int read_hex(const char *hex, uint8_t *body)
{
	size_t len = strlen(hex) / 2;

	if (strlen(hex) % 2 || len > WQFS_RECORD_MAX - WQFS_RECORD_MIN)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &body[i]) != 1)
			return -EINVAL;
	return (int)len;
}

static int read_subject(const json_t *obj, uint8_t *body)
{
	const json_t *key = json_object_get(obj, "key"),
		     *object = json_object_get(obj, "object");
	const char *hex = json_string_value(json_object_get(obj, "body"));

	if (key) {
		uint32_t pair[2] = {(uint32_t)json_integer_value(key),
			(uint32_t)json_integer_value(json_object_get(obj, "aux"))};

		memcpy(body, pair, sizeof(pair));
		return sizeof(pair);
	}
	if (object) {
		uint64_t id = (uint64_t)json_integer_value(object);

		memcpy(body, &id, sizeof(id));
		return sizeof(id);
	}
	return hex ? read_hex(hex, body) : 0;
}

/* Reverses comm_to_json(). */
static void read_comm(const char *text, char *comm)
{
	size_t len = 0;

	while (*text && len < COMM_SIZE - 1) {
		unsigned char byte = (unsigned char)*text;
		int used = 1;

		if (*text == '\\' && sscanf(text, "\\x%2hhx", &byte) == 1)
			used = 4;
		else if (*text == '\\')
			used = 2;
		comm[len++] = (char)byte;
		text += used;
	}
	comm[len] = '\0';
}

static int read_who(json_t *obj, struct wq_cred *who)
{
	json_int_t pid, uid = WQ_UID_UNKNOWN, gid = 0;
	const char *comm = "";

	if (!obj)
		return 0;
	if (json_unpack(obj, "{s:I, s?I, s?I, s?s}", "pid", &pid, "uid", &uid, "gid", &gid,
		    "comm", &comm))
		return -EINVAL;
	who->pid = (pid_t)pid;
	who->uid = (uid_t)uid;
	who->gid = (gid_t)gid;
	read_comm(comm, who->comm);
	return 0;
}

static int from_json(struct wq_record *r, json_t *obj)
{
	json_t *type_value, *subtype_value, *who = NULL;
	int type, subtype, body_len, id, flags = 0;
	struct watch_notification n = {0};
	const char *when;

	if (json_unpack(obj, "{s:s, s:o, s:o, s:i, s?i, s?o}", "time", &when, "type",
		    &type_value, "subtype", &subtype_value, "id", &id, "flags", &flags, "who",
		    &who))
		return -EINVAL;
	type = read_type(type_value);
	subtype = type < 0 ? -EINVAL : read_subtype((uint32_t)type, subtype_value);
	body_len = read_subject(obj, r->data + sizeof(n));
	if (subtype < 0 || body_len < 0 || wq_time_from_text(when, &r->when) ||
		read_who(who, &r->who))
		return -EINVAL;
	r->len = (uint8_t)((size_t)body_len + sizeof(n));
	n.type = (uint32_t)type & 0xffffff;
	n.subtype = (uint8_t)subtype;
	n.info = r->len | ((uint32_t)id << WATCH_INFO_ID__SHIFT & WATCH_INFO_ID) |
		 (uint32_t)flags << WATCH_INFO_TYPE_INFO__SHIFT;
	memcpy(r->data, &n, sizeof(n));
	return 0;
}

int wq_record_from_json(struct wq_record *r, const char *line, size_t len)
{
	json_t *obj = json_loadb(line, len, 0, NULL);
	int err;

	if (!obj)
		return -EINVAL;
	*r = (struct wq_record){0};
	err = from_json(r, obj);
	json_decref(obj);
	return err;
}
