/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replay.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "config.h"
#include "filter.h"
#include "json_text.h"
#include "record/record_json.h"
#include "wqctl.h"

/* The form of recordings that this program writes and reads. */
#define FORM 1

/* ---- the first line ---- */

static void add_file(json_t *header, const char *member, const char *path)
{
	char text[128] = "";
	FILE *f = fopen(path, "re");

	if (f && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = '\0';
		json_object_set_new(header, member, json_text(text));
	}
	if (f)
		fclose(f);
}

void recording_begin(char **keys)
{
	struct timespec now;
	char when[WQ_TIME_MAX];
	json_t *header, *names = json_array();

	clock_gettime(CLOCK_REALTIME, &now);
	wq_time_to_text(&now, when);
	for (; *keys; keys++)
		json_array_append_new(names, json_text(*keys));
	header = json_pack("{s:i, s:s, s:s, s:I, s:o}", "wqfs_recording", FORM, "version",
		PACKAGE_VERSION, "time", when, "monotonic_ns", (json_int_t)wq_now_ns(), "keys",
		names);
	add_file(header, "host", "/proc/sys/kernel/hostname");
	add_file(header, "kernel", "/proc/sys/kernel/osrelease");
	add_file(header, "boot_id", "/proc/sys/kernel/random/boot_id");
	if (header) {
		json_dumpf(header, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(header);
}

static bool is_header(const json_t *line)
{
	return json_integer_value(json_object_get(line, "wqfs_recording")) == FORM;
}

/* ---- an event ---- */

/* What an event is made of. */
struct reading {
	json_t *line;
	struct event event;
	struct key_name key, aux; /* their texts belong to LINE */
};

/* An expiry has no record: for wq_record_from_json() it is an update. */
static enum event_kind take_kind(json_t *line)
{
	const char *subtype = json_string_value(json_object_get(line, "subtype"));
	enum event_kind kind = EVENT_RECORD;

	if (json_is_true(json_object_get(line, "found")))
		return EVENT_FOUND;
	if (subtype && !strcmp(subtype, "expiring"))
		kind = EVENT_EXPIRING;
	else if (subtype && !strcmp(subtype, "expired"))
		kind = EVENT_EXPIRED;
	if (kind != EVENT_RECORD)
		json_object_set_new(line, "subtype", json_string("updated"));
	return kind;
}

static const struct key_name *take_name(json_t *line, const char *which, struct key_name *name)
{
	char member[32];

	snprintf(member, sizeof(member), "%s_type", which);
	name->type = (char *)json_string_value(json_object_get(line, member));
	snprintf(member, sizeof(member), "%s_description", which);
	name->description = json_string_value(json_object_get(line, member));
	return name->type && name->description ? name : NULL;
}

static bool parse_event(struct reading *r)
{
	enum event_kind kind = take_kind(r->line);
	char *text = json_dumps(r->line, JSON_COMPACT);
	struct wq_record record;
	bool done = text && !wq_record_from_json(&record, text, strlen(text));

	free(text);
	if (!done)
		return false;
	event_of_record(&r->event, &record);
	r->event.kind = kind;
	r->event.seconds = (long)json_integer_value(json_object_get(r->line, "seconds"));
	r->event.key_name = take_name(r->line, "key", &r->key);
	r->event.aux_name = take_name(r->line, "aux", &r->aux);
	return true;
}

/* ---- showing them ---- */

/* Waits as long as it was from BEFORE to NOW. */
static void pace(const struct timespec *before, const struct timespec *now)
{
	struct timespec pause = {now->tv_sec - before->tv_sec, now->tv_nsec - before->tv_nsec};

	if (pause.tv_nsec < 0) {
		pause.tv_sec--;
		pause.tv_nsec += (long)WQ_NSEC_PER_SEC;
	}
	if (before->tv_sec && pause.tv_sec >= 0)
		nanosleep(&pause, NULL);
}

static bool is_wanted(const struct replay_options *o, const struct event *event)
{
	const struct wq_filter filter = {o->filter};

	return !o->filter.nr_filters || event->view.kind != WQ_KIND_KEY ||
	       event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED ||
	       wq_filter_pass(&filter, &event->view.n);
}

static int complain(const char *path, unsigned long nr, const char *why)
{
	fprintf(stderr, "wqctl: %s: line %lu: %s\n", path, nr, why);
	return WQCTL_FAILURE;
}

/* LAST is the time of the event before, and then of this one. */
static int show(const struct replay_options *o, struct reading *r, struct timespec *last)
{
	if (o->paced)
		pace(last, &r->event.record.when);
	*last = r->event.record.when;
	if (is_wanted(o, &r->event))
		event_print(stdout, &r->event, &o->style);
	return wqctl_flush() ? WQCTL_OK : WQCTL_FAILURE;
}

static int show_line(const struct replay_options *o, const char *path, const char *text,
	unsigned long nr, struct timespec *last)
{
	struct reading r = {.line = json_loads(text, 0, NULL)};
	int status = WQCTL_OK;

	if (nr == 1 && !is_header(r.line))
		status = complain(path, nr, "it is no recording of this version");
	else if (nr > 1 && (!r.line || !parse_event(&r)))
		status = complain(path, nr, "it is no event");
	else if (nr > 1)
		status = show(o, &r, last);
	json_decref(r.line);
	return status;
}

static int show_all(const struct replay_options *o, FILE *f, const char *path)
{
	struct timespec last = {0};
	int status = WQCTL_OK;
	unsigned long nr = 0;
	char *text = NULL;
	size_t size = 0;

	while (status == WQCTL_OK && getline(&text, &size, f) > 0)
		status = show_line(o, path, text, ++nr, &last);
	free(text);
	if (status == WQCTL_OK && ferror(f)) {
		fprintf(stderr, "wqctl: %s: %s\n", path, strerror(errno));
		return WQCTL_FAILURE;
	}
	if (status == WQCTL_OK && !nr)
		return complain(path, 1, "it is no recording of this version");
	return status;
}

int replay_run(const struct replay_options *o, const char *path)
{
	FILE *f = strcmp(path, "-") != 0 ? fopen(path, "re") : stdin;
	int status;

	if (!f) {
		fprintf(stderr, "wqctl: %s: %s\n", path, strerror(errno));
		return WQCTL_FAILURE;
	}
	status = show_all(o, f, path);
	if (f != stdin)
		fclose(f);
	return status;
}
