/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recording.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "config.h"
#include "json_text.h"
#include "record/record_json.h"
#include "tree.h"
#include "wqctl.h"

/* The form of recordings that this program writes and reads. */
#define FORM 1

/* ---- the first line, written ---- */

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

/* The keys that were asked for, with what is below as far as it is watched or a name of it may
 * be recorded. NULL: no memory. */
static json_t *trees_of(const struct key_tree *watched, const char *mount)
{
	struct tree_facts *facts = tree_facts_new(mount);
	json_t *trees = facts ? json_array() : NULL;
	struct tree_key *key, *next;

	HASH_ITER (hh, watched->graph.by_serial, key, next)
		if (trees && key->root) {
			json_t *tree = tree_of(
				facts, key->serial, watched->graph.recursive ? TREE_WHOLE : 1);

			tree_name_owners(tree);
			json_array_append_new(trees, tree);
		}
	tree_facts_free(facts);
	return trees;
}

static json_t *header_of(const struct key_tree *tree, const char *mount, char **keys)
{
	struct timespec now;
	char when[WQ_TIME_MAX];
	json_t *header, *names = json_array();

	clock_gettime(CLOCK_REALTIME, &now);
	wq_time_to_text(&now, when);
	for (; *keys; keys++)
		json_array_append_new(names, json_text(*keys));
	header = json_pack("{s:i, s:s, s:s, s:I, s:o, s:o}", "wqfs_recording", FORM, "version",
		PACKAGE_VERSION, "time", when, "monotonic_ns", (json_int_t)wq_now_ns(), "keys",
		names, "trees", trees_of(tree, mount));
	add_file(header, "host", "/proc/sys/kernel/hostname");
	add_file(header, "kernel", "/proc/sys/kernel/osrelease");
	add_file(header, "boot_id", "/proc/sys/kernel/random/boot_id");
	return header;
}

bool recording_begin(const struct key_tree *tree, const char *mount, char **keys)
{
	json_t *header = header_of(tree, mount, keys);

	if (!header) {
		fprintf(stderr, "wqctl: %s\n", strerror(ENOMEM));
		return false;
	}
	json_dumpf(header, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(header);
	return true;
}

/* ---- an event, read ---- */

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

static bool parse_event(struct recording *r)
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

/* ---- reading one ---- */

static int complain(const struct recording *r, const char *why)
{
	fprintf(stderr, "wqctl: %s: line %lu: %s\n", r->path, r->nr, why);
	return -1;
}

/* 1; 0: there are no more lines; -1 after an error message. */
static int read_line(struct recording *r)
{
	r->nr++;
	if (getline(&r->text, &r->size, r->f) > 0)
		return 1;
	if (!ferror(r->f))
		return 0;
	fprintf(stderr, "wqctl: %s: %s\n", r->path, strerror(errno));
	return -1;
}

int recording_next(struct recording *r)
{
	int read = read_line(r);

	if (read <= 0)
		return read;
	json_decref(r->line);
	r->line = json_loads(r->text, 0, NULL);
	return r->line && parse_event(r) ? 1 : complain(r, "it is no event");
}

void recording_complain(const struct recording *r)
{
	fprintf(stderr, "wqctl: %s: line 1: it is no recording of this version\n", r->path);
}

static bool is_header(const json_t *line)
{
	return json_integer_value(json_object_get(line, "wqfs_recording")) == FORM;
}

static bool read_header(struct recording *r)
{
	int read = read_line(r);

	if (read > 0)
		r->header = json_loads(r->text, 0, NULL);
	if (read >= 0 && !is_header(r->header)) {
		recording_complain(r);
		return false;
	}
	return read > 0;
}

bool recording_began(const struct recording *r, time_t *when)
{
	const char *text = json_string_value(json_object_get(r->header, "time"));
	struct timespec t;

	if (!text || wq_time_from_text(text, &t))
		return false;
	*when = t.tv_sec;
	return true;
}

bool recording_open(struct recording *r, const char *path)
{
	*r = (struct recording){.path = path};
	r->f = strcmp(path, "-") != 0 ? fopen(path, "re") : stdin;
	if (!r->f) {
		fprintf(stderr, "wqctl: %s: %s\n", path, strerror(errno));
		return false;
	}
	if (read_header(r))
		return true;
	recording_close(r);
	return false;
}

void recording_close(struct recording *r)
{
	json_decref(r->line);
	json_decref(r->header);
	free(r->text);
	if (r->f != stdin)
		fclose(r->f);
}
