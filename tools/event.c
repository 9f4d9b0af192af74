/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array_size.h"
#include "record/names.h"

static bool has_aux_key(const struct wq_view *v)
{
	return v->kind == WQ_KIND_KEY &&
	       (v->n.subtype == NOTIFY_KEY_LINKED || v->n.subtype == NOTIFY_KEY_UNLINKED);
}

void event_of_record(struct event *event, const struct wq_record *record)
{
	*event = (struct event){.kind = EVENT_RECORD, .record = *record};
	wq_record_view(&event->view, &event->record);
	if (event->view.kind == WQ_KIND_KEY)
		event->key = (int32_t)event->view.key;
	if (event->view.has_object)
		event->key = (int32_t)event->view.object;
	if (has_aux_key(&event->view))
		event->aux = (int32_t)event->view.aux;
}

void event_of_key(
	struct event *event, enum event_kind kind, unsigned int id, int32_t key, int32_t aux)
{
	struct key_notification n = {
		.watch.type = WATCH_TYPE_KEY_NOTIFY,
		.watch.subtype = NOTIFY_KEY_LINKED,
		.watch.info = sizeof(n) | (id << WATCH_INFO_ID__SHIFT & WATCH_INFO_ID),
		.key_id = (uint32_t)key,
		.aux = (uint32_t)aux,
	};
	struct wq_record record = {.len = sizeof(n)};

	memcpy(record.data, &n, sizeof(n));
	clock_gettime(CLOCK_REALTIME, &record.when);
	event_of_record(event, &record);
	event->kind = kind;
	event->aux = aux;
}

const char *event_word(const struct event *event)
{
	switch (event->kind) {
	case EVENT_EXPIRING:
		return "expiring";
	case EVENT_EXPIRED:
		return "expired";
	default:
		return wq_subtype_name(event->view.n.type, event->view.n.subtype);
	}
}

enum event_tone event_tone(const struct event *event)
{
	static const enum event_tone of_key[] = {
		[NOTIFY_KEY_INSTANTIATED] = EVENT_NEW,
		[NOTIFY_KEY_UPDATED] = EVENT_CHANGE,
		[NOTIFY_KEY_LINKED] = EVENT_NEW,
		[NOTIFY_KEY_UNLINKED] = EVENT_END,
		[NOTIFY_KEY_CLEARED] = EVENT_END,
		[NOTIFY_KEY_REVOKED] = EVENT_END,
		[NOTIFY_KEY_INVALIDATED] = EVENT_END,
		[NOTIFY_KEY_SETATTR] = EVENT_CHANGE,
	};
	unsigned int subtype = event->view.n.subtype;

	if (event->kind == EVENT_EXPIRING)
		return EVENT_CHANGE;
	if (event->kind == EVENT_EXPIRED || event->view.kind != WQ_KIND_KEY)
		return EVENT_END;
	return subtype < ARRAY_SIZE(of_key) ? of_key[subtype] : EVENT_CHANGE;
}

char *event_text(void (*put)(FILE *out, const struct event *event), const struct event *event)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	put(f, event);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}
