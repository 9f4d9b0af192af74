/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The JSON line of a plain record, as nearly all are: one made between 1970 and 9999 by a
 * process whose name needs no escapes. Jansson takes twenty times as long for it, which a
 * reader of thousands of lines waits for. Pure.
 */
#ifndef WQ_JSON_PLAIN_H
#define WQ_JSON_PLAIN_H

#include <stdbool.h>

#include "record/record.h"

bool wq_json_is_plain(const struct wq_record *r);

/* Does what wq_record_to_json() does for R, which is plain. */
int wq_json_plain(const struct wq_record *r, char *line, size_t size);

/* No line of JSON is shorter, plain or not, unless its time is before the year 1000. */
#define WQ_JSON_LEAST                                                                                  \
	(sizeof("{\"time\":\"2024-02-29T12:34:56.000000007Z\",\"type\":0,\"subtype\":0,\"id\":0}\n") - \
		1)

/* The length that wq_json_plain() would return. */
size_t wq_json_plain_size(const struct wq_record *r);

#endif
