/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as JSON, one object a line, as wqctl(1) describes it. */
#ifndef WQ_RECORD_JSON_H
#define WQ_RECORD_JSON_H

#include <time.h>

#include "record/record.h"

/* The buffer size that wq_time_to_text() needs. */
#define WQ_TIME_MAX sizeof("-2147483648-12-31T23:59:60.000000000Z")

/* Writes WHEN in the form of JSON, "2024-02-29T12:34:56.000000007Z", to OUT of WQ_TIME_MAX
 * bytes. */
void wq_time_to_text(const struct timespec *when, char *out);

/* Reads what wq_time_to_text() writes. 0; -EINVAL: TEXT is no such time. */
int wq_time_from_text(const char *text, struct timespec *when);

/* Writes R and a newline, without a NUL, to LINE of SIZE bytes. Returns the length; -ENOBUFS:
 * SIZE is too small; -ENOMEM. */
int wq_record_to_json(const struct wq_record *r, char *line, size_t size);

/* The length that wq_record_to_json() would return; 0: no memory to find out. Nearly always
 * counts without making the line. */
size_t wq_record_json_size(const struct wq_record *r);

/* Parses a line of LEN bytes into R. 0; -EINVAL: it is no such line. */
int wq_record_from_json(struct wq_record *r, const char *line, size_t len);

#endif
