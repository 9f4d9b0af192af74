/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json_plain.h"

#include <errno.h>
#include <string.h>

#include "record/names.h"
#include "record/put.h"
#include "record/record_view.h"

#define LEN(literal) (sizeof(literal) - 1)
#define YEAR_10000   253402300800
#define COMM_SIZE    sizeof(((struct wq_cred *)NULL)->comm)

/* Does each byte of COMM take one character in a JSON string? */
static bool is_plain(const char *comm)
{
	for (size_t i = 0; i < COMM_SIZE && comm[i]; i++)
		if (comm[i] < ' ' || comm[i] > '~' || comm[i] == '"' || comm[i] == '\\')
			return false;
	return true;
}

bool wq_json_is_plain(const struct wq_record *r)
{
	int64_t seconds = r->when.tv_sec; /* which has 32 bits on some systems */

	return seconds >= 0 && seconds < YEAR_10000 && is_plain(r->who.comm);
}

/* ---- the line ---- */

static char *put_signed(char *p, int64_t n)
{
	if (n >= 0)
		return wq_put_number(p, (uint64_t)n);
	*p = '-';
	return wq_put_number(p + 1, -(uint64_t)n);
}

static char *put_name(char *p, const char *name, unsigned int number)
{
	if (!name)
		return wq_put_number(p, number);
	p = WQ_PUT(p, "\"");
	p = wq_put(p, name, strlen(name));
	return WQ_PUT(p, "\"");
}

static char *put_date(char *p, const struct tm *tm)
{
	p = WQ_PUT(wq_put_padded(p, (uint64_t)tm->tm_year + 1900, 4), "-");
	p = WQ_PUT(wq_put_padded(p, (uint64_t)tm->tm_mon + 1, 2), "-");
	p = WQ_PUT(wq_put_padded(p, (uint64_t)tm->tm_mday, 2), "T");
	p = WQ_PUT(wq_put_padded(p, (uint64_t)tm->tm_hour, 2), ":");
	p = WQ_PUT(wq_put_padded(p, (uint64_t)tm->tm_min, 2), ":");
	return WQ_PUT(wq_put_padded(p, (uint64_t)tm->tm_sec, 2), ".");
}

/* gmtime_r() takes a lock and a third of the time of a line; most lines are of the same second
 * as the one before. */
static char *put_time(char *p, const struct timespec *when)
{
	static _Thread_local struct {
		time_t second;
		char text[sizeof("2024-02-29T12:34:56.")];
	} last;

	if (!*last.text || last.second != when->tv_sec) {
		struct tm tm = {0};

		(void)gmtime_r(&when->tv_sec, &tm);
		(void)put_date(last.text, &tm);
		last.second = when->tv_sec;
	}
	return wq_put_padded(
		wq_put(p, last.text, sizeof(last.text) - 1), (uint64_t)when->tv_nsec, 9);
}

static char *put_subject(char *p, const struct wq_view *v)
{
	char hex[WQ_HEX_MAX];

	switch (v->kind) {
	case WQ_KIND_KEY:
		p = wq_put_number(WQ_PUT(p, ",\"key\":"), v->key);
		return put_signed(WQ_PUT(p, ",\"aux\":"), (int32_t)v->aux);
	case WQ_KIND_REMOVAL:
		return v->has_object ? put_signed(WQ_PUT(p, ",\"object\":"), (int64_t)v->object)
				     : p;
	case WQ_KIND_LOSS:
		return p;
	case WQ_KIND_OTHER:
		break;
	}
	wq_view_hex(v, hex);
	p = wq_put(WQ_PUT(p, ",\"body\":\""), hex, 2 * v->body_len);
	return WQ_PUT(p, "\"");
}

static char *put_who(char *p, const struct wq_cred *who)
{
	if (!who->pid)
		return p;
	p = put_signed(WQ_PUT(p, ",\"who\":{\"pid\":"), who->pid);
	if (who->uid != WQ_UID_UNKNOWN) {
		p = wq_put_number(WQ_PUT(p, ",\"uid\":"), who->uid);
		p = wq_put_number(WQ_PUT(p, ",\"gid\":"), who->gid);
		p = WQ_PUT(p, ",\"comm\":\"");
		p = WQ_PUT(wq_put(p, who->comm, strnlen(who->comm, COMM_SIZE)), "\"");
	}
	return WQ_PUT(p, "}");
}

/* P has room for any line. Returns the end of the line. */
static char *put_line(char *p, const struct wq_record *r)
{
	struct wq_view v;

	wq_record_view(&v, r);
	p = put_time(WQ_PUT(p, "{\"time\":\""), &r->when);
	p = put_name(WQ_PUT(p, "Z\",\"type\":"), wq_type_name(v.n.type), v.n.type);
	p = put_name(WQ_PUT(p, ",\"subtype\":"), wq_subtype_name(v.n.type, v.n.subtype),
		v.n.subtype);
	p = put_subject(wq_put_number(WQ_PUT(p, ",\"id\":"), v.id), &v);
	if (v.flags)
		p = wq_put_number(WQ_PUT(p, ",\"flags\":"), v.flags);
	return WQ_PUT(put_who(p, &r->who), "}\n");
}

int wq_json_plain(const struct wq_record *r, char *line, size_t size)
{
	char buf[WQ_RENDER_MAX];
	size_t len;

	if (size >= sizeof(buf))
		return (int)(put_line(line, r) - line);
	len = (size_t)(put_line(buf, r) - buf);
	if (len > size)
		return -ENOBUFS;
	memcpy(line, buf, len);
	return (int)len;
}

/* ---- its length ---- */

static size_t signed_size(int64_t n)
{
	return n < 0 ? 1 + wq_digits(-(uint64_t)n) : wq_digits((uint64_t)n);
}

static size_t name_size(const char *name, unsigned int number)
{
	return name ? LEN("\"\"") + strlen(name) : wq_digits(number);
}

static size_t who_size(const struct wq_cred *who)
{
	if (!who->pid)
		return 0;
	if (who->uid == WQ_UID_UNKNOWN)
		return LEN(",\"who\":{\"pid\":}") + signed_size(who->pid);
	return LEN(",\"who\":{\"pid\":,\"uid\":,\"gid\":,\"comm\":\"\"}") +
	       signed_size(who->pid) + wq_digits(who->uid) + wq_digits(who->gid) +
	       strnlen(who->comm, COMM_SIZE);
}

static size_t subject_size(const struct wq_view *v)
{
	switch (v->kind) {
	case WQ_KIND_KEY:
		return LEN(",\"key\":,\"aux\":") + wq_digits(v->key) +
		       signed_size((int32_t)v->aux);
	case WQ_KIND_REMOVAL:
		return v->has_object ? LEN(",\"object\":") + signed_size((int64_t)v->object)
				     : 0;
	case WQ_KIND_LOSS:
		return 0;
	case WQ_KIND_OTHER:
		break;
	}
	return LEN(",\"body\":\"\"") + 2 * v->body_len;
}

size_t wq_json_plain_size(const struct wq_record *r)
{
	struct wq_view v;

	wq_record_view(&v, r);
	return LEN("{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":,\"subtype\":,\"id\":"
		   "}\n") +
	       name_size(wq_type_name(v.n.type), v.n.type) +
	       name_size(wq_subtype_name(v.n.type, v.n.subtype), v.n.subtype) +
	       wq_digits(v.id) + subject_size(&v) +
	       (v.flags ? LEN(",\"flags\":") + wq_digits(v.flags) : 0) + who_size(&r->who);
}
