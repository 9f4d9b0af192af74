/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as bytes, text and JSON. */
#ifndef WQ_RENDER_H
#define WQ_RENDER_H

#include "record/record.h"

/* "raw", "text" or "json". */
const char *wq_format_name(enum wqfs_format format);

/* The format called NAME, or -EINVAL. */
int wq_format_parse(const char *name);

/* Writes R in FORMAT to BUF of SIZE bytes, no NUL behind it. Returns the bytes it
 * takes, or -ENOBUFS if they are more than SIZE (then nothing is to be used), or
 * -ENOMEM (JSON only). Text and JSON are a line each, as wqctl(1) describes them.
 * BUF may be NULL with SIZE 0 to ask nothing but whether it fits. */
ssize_t wq_record_render(
	const struct wq_record *r, enum wqfs_format format, void *buf, size_t size);

/* Bytes R takes in FORMAT; 0 if there is no memory to find out. */
size_t wq_record_size(const struct wq_record *r, enum wqfs_format format);

#endif
