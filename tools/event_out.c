/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event_out.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "json_text.h"
#include "record/record_json.h"
#include "record/render.h"

/* ---- colours ---- */

bool event_wants_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(fileno(out)) && !(no && *no) && terminal && strcmp(terminal, "dumb") != 0;
}

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

static const char *colour_of(const struct event *event)
{
	static const char *const colours[] = {
		[EVENT_NEW] = GREEN,
		[EVENT_END] = RED,
		[EVENT_CHANGE] = YELLOW,
	};

	return colours[event_tone(event)];
}

/* ---- text ---- */

static void print_name(FILE *out, const struct key_name *name)
{
	if (!name)
		return;
	fputs("  ", out);
	wq_escape(out, name->type, strlen(name->type), false);
	putc(':', out);
	wq_escape(out, name->description, strlen(name->description), false);
}

void event_put_who(FILE *out, const struct event *event)
{
	const struct wq_cred *who = &event->record.who;

	if (!who->pid)
		return;
	fputs(" by ", out);
	if (who->uid == WQ_UID_UNKNOWN) {
		fprintf(out, "[%d]", who->pid);
		return;
	}
	wq_escape(out, who->comm, strnlen(who->comm, sizeof(who->comm)), false);
	fprintf(out, "[%d] uid %u", who->pid, who->uid);
}

/* As keyctl watch prints it. */
static void print_what(FILE *out, const struct event *event)
{
	char text[WQ_RENDER_MAX];
	ssize_t len;

	switch (event->kind) {
	case EVENT_EXPIRING:
		fprintf(out, "%d expiring %ld", event->key, event->seconds);
		break;
	case EVENT_EXPIRED:
		fprintf(out, "%d expired", event->key);
		break;
	default:
		len = wq_record_render(&event->record, WQFS_FORMAT_TEXT, text, sizeof(text));
		if (len > 0)
			fwrite(text, 1, (size_t)len - 1, out);
	}
}

static void print_text(FILE *out, const struct event *event, const struct event_style *style)
{
	if (style->clock != EVENT_CLOCK_NONE) {
		fputs(style->colour ? DIM : "", out);
		event_print_time(out, &event->record.when, style->clock);
		fputs(style->colour ? PLAIN " " : " ", out);
	}
	fputs(style->colour ? colour_of(event) : "", out);
	print_what(out, event);
	fputs(style->colour ? PLAIN : "", out);
	print_name(out, event->key_name);
	print_name(out, event->aux_name);
	fputs(style->colour ? DIM : "", out);
	fputs(event->record.who.pid ? " " : "", out);
	event_put_who(out, event);
	if (event->kind == EVENT_FOUND)
		fputs("  (found)", out);
	fputs(style->colour ? PLAIN "\n" : "\n", out);
}

/* ---- JSON ---- */

static void add_name(json_t *object, const char *which, const struct key_name *name)
{
	char member[32];

	if (!name)
		return;
	snprintf(member, sizeof(member), "%s_type", which);
	json_object_set_new(object, member, json_text(name->type));
	snprintf(member, sizeof(member), "%s_description", which);
	json_object_set_new(object, member, json_text(name->description));
}

static json_t *event_to_json(const struct event *event)
{
	char line[WQ_RENDER_MAX];
	int len = wq_record_to_json(&event->record, line, sizeof(line));
	json_t *object = len < 0 ? NULL : json_loadb(line, (size_t)len, 0, NULL);

	if (!object)
		return NULL;
	if (event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED) {
		json_object_set_new(object, "subtype", json_string(event_word(event)));
		json_object_del(object, "aux");
	}
	if (event->kind == EVENT_EXPIRING)
		json_object_set_new(object, "seconds", json_integer(event->seconds));
	if (event->kind == EVENT_FOUND)
		json_object_set_new(object, "found", json_true());
	add_name(object, "key", event->key_name);
	add_name(object, "aux", event->aux_name);
	return object;
}

void event_print_json(FILE *out, const struct event *event)
{
	json_t *object = event_to_json(event);

	if (object) {
		json_dumpf(object, out, JSON_COMPACT);
		putc('\n', out);
	}
	json_decref(object);
}

/* ---- all of them ---- */

void event_print(FILE *out, const struct event *event, const struct event_style *style)
{
	if (style->template)
		template_print(out, style->template, event, style->clock);
	else if (style->format == WQFS_FORMAT_TEXT)
		print_text(out, event, style);
	else if (style->format == WQFS_FORMAT_JSON)
		event_print_json(out, event);
	else if (event->kind == EVENT_RECORD)
		fwrite(event->record.data, 1, event->record.len, out);
}
