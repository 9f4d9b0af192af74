/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as JSON, an object a line, as wqctl(1) describes it. */
#ifndef WQ_RECORD_JSON_H
#define WQ_RECORD_JSON_H

#include <time.h>

#include "record/record.h"

/* Enough for wq_time_to_text(). */
#define WQ_TIME_MAX sizeof("-2147483648-12-31T23:59:60.000000000Z")

/* Writes WHEN as JSON has it, "2024-02-29T12:34:56.000000007Z", to OUT of WQ_TIME_MAX
 * bytes. */
void wq_time_to_text(const struct timespec *when, char *out);

/* Writes R with a newline, no NUL behind it, to LINE of SIZE bytes. Returns the bytes
 * it takes; -ENOBUFS: SIZE is too small; -ENOMEM. */
int wq_record_to_json(const struct wq_record *r, char *line, size_t size);

/* The bytes that wq_record_to_json() would write; 0: no memory to find out. Makes no line where
 * it can be counted, which is nearly always. */
size_t wq_record_json_size(const struct wq_record *r);

/* Reads such a line of LEN bytes back into R. 0; -EINVAL: it is none. */
int wq_record_from_json(struct wq_record *r, const char *line, size_t len);

#endif
