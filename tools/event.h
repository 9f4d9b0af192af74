/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One event about keys as wqctl shows it: a record, or what wqctl has found out by itself. */
#ifndef WQ_EVENT_H
#define WQ_EVENT_H

#include <stdio.h>

#include "key_names.h"
#include "record/record.h"
#include "record/record_view.h"

enum event_kind {
	EVENT_RECORD,	/* a record of the queue */
	EVENT_FOUND,	/* a link that was there when the watch of its keyring began */
	EVENT_EXPIRING, /* the key has so many seconds left */
	EVENT_EXPIRED,
};

/* Valid during the call that it is passed to. */
struct event {
	enum event_kind kind;
	struct wq_record record; /* for EVENT_EXPIRING and EVENT_EXPIRED: the time and the id */
	struct wq_view view;	 /* of the record */
	int32_t key, aux;	 /* 0: it has none */
	const struct key_name *key_name, *aux_name; /* NULL: unknown */
	long seconds;				    /* EVENT_EXPIRING: what is left */
};

/* Sets EVENT to RECORD. Its names are then unknown. */
void event_of_record(struct event *event, const struct wq_record *record);

/* Sets EVENT to what wqctl has found out now, about KEY, whose watch has ID. FOUND is a link to
 * AUX. */
void event_of_key(
	struct event *event, enum event_kind kind, unsigned int id, int32_t key, int32_t aux);

/* What an event is for the key: it is new, it has ended, or something else about it changed. */
enum event_tone { EVENT_NEW, EVENT_END, EVENT_CHANGE };
enum event_tone event_tone(const struct event *event);

/* "updated", "linked", ..., "removal", "loss", "expiring", "expired"; NULL: there is no word.
 */
const char *event_word(const struct event *event);

/* What PUT writes about EVENT; the caller frees it. NULL: no memory. */
char *event_text(void (*put)(FILE *out, const struct event *event), const struct event *event);

#endif
