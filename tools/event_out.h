/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as lines. */
#ifndef WQ_EVENT_OUT_H
#define WQ_EVENT_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include "event.h"
#include "event_time.h"
#include "template.h"

struct event_style {
	enum wqfs_format format;
	const struct template *template; /* in the place of FORMAT; NULL: there is none */
	enum event_clock clock;		 /* text: begin with the time */
	bool colour;			 /* text: for a terminal */
};

/* Writes EVENT to OUT: a line; in WQFS_FORMAT_RAW the bytes of a record, and nothing for an
 * event that is none. */
void event_print(FILE *out, const struct event *event, const struct event_style *style);

/* Writes " by " and who caused EVENT; nothing if nobody knows. */
void event_put_who(FILE *out, const struct event *event);

/* Writes EVENT as JSON, with what its keys are called. */
void event_print_json(FILE *out, const struct event *event);

/* True if a person reads OUT, who wants colours (NO_COLOR is not set). */
bool event_wants_colour(FILE *out);

#endif
