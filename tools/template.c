/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "template.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "base/escape.h"
#include "event.h"
#include "event_time.h"
#include "record/names.h"

/* ---- fields ---- */

static void put_number(FILE *out, long number)
{
	fprintf(out, "%ld", number);
}

static void put_text(FILE *out, const char *text)
{
	wq_escape(out, text, strlen(text), false);
}

static void put_event(FILE *out, const struct event *e)
{
	const char *word = event_word(e);

	if (word)
		put_text(out, word);
	else
		put_number(out, e->view.n.subtype);
}

static void put_type(FILE *out, const struct event *e)
{
	const char *word = wq_type_name(e->view.n.type);

	if (word)
		put_text(out, word);
	else
		put_number(out, (long)e->view.n.type);
}

static void put_time(FILE *out, const struct event *e)
{
	event_print_time(out, &e->record.when, EVENT_CLOCK_UTC);
}

static void put_id(FILE *out, const struct event *e)
{
	put_number(out, e->view.id);
}

static void put_key(FILE *out, const struct event *e)
{
	if (e->key)
		put_number(out, e->key);
}

static void put_aux(FILE *out, const struct event *e)
{
	if (e->aux)
		put_number(out, e->aux);
}

static void put_key_type(FILE *out, const struct event *e)
{
	if (e->key_name)
		put_text(out, e->key_name->type);
}

static void put_key_description(FILE *out, const struct event *e)
{
	if (e->key_name)
		put_text(out, e->key_name->description);
}

static void put_aux_type(FILE *out, const struct event *e)
{
	if (e->aux_name)
		put_text(out, e->aux_name->type);
}

static void put_aux_description(FILE *out, const struct event *e)
{
	if (e->aux_name)
		put_text(out, e->aux_name->description);
}

static bool knows_who(const struct event *e)
{
	return e->record.who.pid && e->record.who.uid != WQ_UID_UNKNOWN;
}

static void put_pid(FILE *out, const struct event *e)
{
	if (e->record.who.pid)
		put_number(out, e->record.who.pid);
}

static void put_uid(FILE *out, const struct event *e)
{
	if (knows_who(e))
		put_number(out, e->record.who.uid);
}

static void put_gid(FILE *out, const struct event *e)
{
	if (knows_who(e))
		put_number(out, e->record.who.gid);
}

static void put_comm(FILE *out, const struct event *e)
{
	if (knows_who(e))
		wq_escape(out, e->record.who.comm,
			strnlen(e->record.who.comm, sizeof(e->record.who.comm)), false);
}

static void put_seconds(FILE *out, const struct event *e)
{
	if (e->kind == EVENT_EXPIRING)
		put_number(out, e->seconds);
}

static const struct field {
	const char *name;
	void (*put)(FILE *out, const struct event *e); /* writes nothing if E has none */
} fields[] = {
	{"time", put_time},
	{"type", put_type},
	{"event", put_event},
	{"key", put_key},
	{"aux", put_aux},
	{"id", put_id},
	{"key_type", put_key_type},
	{"key_description", put_key_description},
	{"aux_type", put_aux_type},
	{"aux_description", put_aux_description},
	{"pid", put_pid},
	{"uid", put_uid},
	{"gid", put_gid},
	{"comm", put_comm},
	{"seconds", put_seconds},
};

static const struct field *find_field(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].name) == len && !memcmp(fields[i].name, name, len))
			return &fields[i];
	return NULL;
}

void template_fields(const struct event *event,
	void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *text = event_text(fields[i].put, event);

		fn(arg, fields[i].name, text ? text : "");
		free(text);
	}
}

/* ---- parsing ---- */

/* A piece of text, or a field. */
struct piece {
	const struct field *field; /* NULL: it is TEXT */
	const char *text;
	size_t len;
};

struct template
{
	char *text; /* what pieces point to */
	size_t nr;
	struct piece pieces[];
};

static void list_fields(char *why, size_t size)
{
	size_t len = strlen(why);

	for (size_t i = 0; i < ARRAY_SIZE(fields) && len < size; i++)
		len += (size_t)snprintf(
			why + len, size - len, "%s%s", i ? " " : "", fields[i].name);
}

/* Parses what begins at P with '%'. The number of characters; 0 with WHY if it is nothing. */
static size_t parse_field(const char *p, struct piece *piece, char *why, size_t size)
{
	const char *end = p[1] == '(' ? strchr(p, ')') : NULL;

	if (p[1] == '%') {
		*piece = (struct piece){.text = p, .len = 1};
		return 2;
	}
	if (!end) {
		snprintf(why, size, "invalid field: '%s' (%%(NAME) or %%%%)", p);
		return 0;
	}
	*piece = (struct piece){.field = find_field(p + 2, (size_t)(end - p) - 2)};
	if (piece->field)
		return (size_t)(end - p) + 1;
	snprintf(why, size, "there is no field '%.*s': the fields are ", (int)(end - p) - 2,
		p + 2);
	list_fields(why, size);
	return 0;
}

static size_t parse_piece(const char *p, struct piece *piece, char *why, size_t size)
{
	size_t len = strcspn(p, "%");

	if (!len)
		return parse_field(p, piece, why, size);
	*piece = (struct piece){.text = p, .len = len};
	return len;
}

struct template *template_new(const char *text, char *why, size_t size)
{
	/* No piece is shorter than one character. */
	struct template *t = calloc(1, sizeof(*t) + strlen(text) * sizeof(*t->pieces));
	size_t len = 1;

	if (t)
		t->text = strdup(text);
	if (!t || !t->text) {
		snprintf(why, size, "out of memory");
		free(t);
		return NULL;
	}
	for (const char *p = t->text; *p && len; p += len)
		len = parse_piece(p, &t->pieces[t->nr++], why, size);
	if (len)
		return t;
	template_free(t);
	return NULL;
}

void template_free(struct template *t)
{
	if (t)
		free(t->text);
	free(t);
}

/* ---- printing ---- */

static void print_field(
	FILE *out, const struct field *field, const struct event *event, int clock)
{
	char *text;

	if (field->put == put_time && clock == EVENT_CLOCK_LOCAL) {
		event_print_time(out, &event->record.when, EVENT_CLOCK_LOCAL);
		return;
	}
	text = event_text(field->put, event);
	fputs(text && *text ? text : "-", out);
	free(text);
}

void template_print(FILE *out, const struct template *t, const struct event *event, int clock)
{
	for (size_t i = 0; i < t->nr; i++) {
		const struct piece *piece = &t->pieces[i];

		if (piece->field)
			print_field(out, piece->field, event, clock);
		else
			fwrite(piece->text, 1, piece->len, out);
	}
	putc('\n', out);
}
