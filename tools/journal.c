/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "journal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* where our source is says nothing about an event */
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/array_size.h"
#include "template.h"

#define LIBRARY "libsystemd.so.0"
#define SOCKET	"/run/systemd/journal/socket"

/* Which field of a template becomes which one of an entry. */
static const struct {
	const char *field, *name;
} fields[] = {
	{"time", "KEY_TIME"},
	{"event", "KEY_EVENT"},
	{"key", "KEY_SERIAL"},
	{"aux", "KEY_AUX_SERIAL"},
	{"id", "KEY_WATCH_ID"},
	{"key_type", "KEY_TYPE"},
	{"key_description", "KEY_DESCRIPTION"},
	{"aux_type", "KEY_AUX_TYPE"},
	{"aux_description", "KEY_AUX_DESCRIPTION"},
	{"pid", "KEY_ACTOR_PID"},
	{"uid", "KEY_ACTOR_UID"},
	{"gid", "KEY_ACTOR_GID"},
	{"comm", "KEY_ACTOR_COMM"},
	{"seconds", "KEY_SECONDS_LEFT"},
};

/* An entry has four more: MESSAGE, MESSAGE_ID, PRIORITY and SYSLOG_IDENTIFIER. */
#define ENTRY_MAX (ARRAY_SIZE(fields) + 4)

/* The texts belong to it. */
struct entry {
	struct iovec fields[ENTRY_MAX];
	int nr;
	bool incomplete; /* there was no memory */
};

/* ---- an entry ---- */

static void add(struct entry *entry, const char *name, const char *value)
{
	char *text;
	int len = asprintf(&text, "%s=%s", name, value);

	if (len < 0)
		entry->incomplete = true;
	else
		entry->fields[entry->nr++] =
			(struct iovec){.iov_base = text, .iov_len = (size_t)len};
}

/* What the event does not have is left out. */
static void add_field(void *arg, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (*value && !strcmp(fields[i].field, name))
			add(arg, fields[i].name, value);
}

/* A loss is a warning; that a key is of no use any more, or soon, is worth a notice. */
static int priority_of(const struct event *event)
{
	bool is_key = event->view.kind == WQ_KIND_KEY;
	unsigned int subtype = event->view.n.subtype;

	if (event->view.kind == WQ_KIND_LOSS)
		return LOG_WARNING;
	if (event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED)
		return LOG_NOTICE;
	if (is_key && (subtype == NOTIFY_KEY_REVOKED || subtype == NOTIFY_KEY_INVALIDATED))
		return LOG_NOTICE;
	return LOG_INFO;
}

static void add_message(
	struct entry *entry, const struct event *event, const struct event_style *style)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f) {
		event_print(f, event, style);
		if (fclose(f)) {
			free(text);
			text = NULL;
		}
	}
	if (text) {
		text[strcspn(text, "\n")] = '\0';
		add(entry, "MESSAGE", text);
	} else {
		entry->incomplete = true;
	}
	free(text);
}

static void fill(
	struct entry *entry, const struct event *event, const struct event_style *style)
{
	char priority[] = {(char)('0' + priority_of(event)), '\0'};

	add_message(entry, event, style);
	add(entry, "MESSAGE_ID", JOURNAL_MESSAGE_ID);
	add(entry, "PRIORITY", priority);
	add(entry, "SYSLOG_IDENTIFIER", "wqctl");
	template_fields(event, add_field, entry);
}

/* ---- sending it ---- */

int journal_send(struct journal *j, const struct event *event, const struct event_style *style)
{
	struct entry entry = {.nr = 0};
	int err;

	fill(&entry, event, style);
	err = entry.incomplete ? -ENOMEM : j->send(entry.fields, entry.nr);
	while (entry.nr)
		free(entry.fields[--entry.nr].iov_base);
	return err;
}

/* ---- its life ---- */

/* Without a journal sd_journal_sendv() drops what it gets, and says that all is well. */
static bool runs_here(void)
{
	if (!access(SOCKET, W_OK))
		return true;
	fprintf(stderr, "wqctl: --journal: no journal runs here: %s: %s\n", SOCKET,
		strerror(errno));
	return false;
}

bool journal_open(struct journal *j)
{
	j->library = dlopen(LIBRARY, RTLD_NOW);
	if (j->library)
		*(void **)&j->send = dlsym(j->library, "sd_journal_sendv");
	if (j->library && j->send && runs_here())
		return true;
	if (!j->library || !j->send)
		fprintf(stderr, "wqctl: --journal: %s\n", dlerror());
	journal_close(j);
	return false;
}

void journal_close(struct journal *j)
{
	if (j->library)
		dlclose(j->library);
	*j = (struct journal){0};
}
