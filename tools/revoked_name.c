/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "revoked_name.h"

#include <string.h>

#include "keys/proc_keys.h"

struct search {
	int32_t serial;
	const char *type, *description;
	unsigned int lines;
	bool is;
};

static bool is_of_type(const struct wq_proc_key *line, const char *type)
{
	return strlen(type) == line->type_len && !memcmp(line->type, type, line->type_len);
}

/* A type may append something to the description, after a colon: the length, or "empty". */
static bool has_description(const struct wq_proc_key *line, const struct search *s)
{
	size_t len = strlen(s->description);

	if (!strcmp(s->type, "user") || !strcmp(s->type, "logon"))
		return wq_proc_keys_len(line->tail, s->description) >= 0;
	return !strncmp(line->tail, s->description, len) &&
	       (!line->tail[len] || !strncmp(line->tail + len, ": ", 2));
}

static void on_line(void *arg, const struct wq_proc_key *line)
{
	struct search *s = arg;

	if (line->serial != s->serial)
		return;
	s->lines++;
	s->is = is_of_type(line, s->type) && has_description(line, s);
}

bool revoked_key_is(int32_t serial, const char *type, const char *description)
{
	struct search s = {.serial = serial, .type = type, .description = description};
	struct wq_proc_keys *file = wq_proc_keys_open();

	while (file && wq_proc_keys_next(file, on_line, &s) > 0)
		;
	wq_proc_keys_close(file);
	return s.lines == 1 && s.is;
}
