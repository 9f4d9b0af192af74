/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes records as bytes, text and JSON. */
#ifndef WQ_RENDER_H
#define WQ_RENDER_H

#include "record/record.h"

/* "raw", "text" or "json". */
const char *wq_format_name(enum wqfs_format format);

/* The format called NAME, or -EINVAL. */
int wq_format_parse(const char *name);

/* Writes R in FORMAT to BUF of SIZE bytes, without a NUL. Returns the length; -ENOBUFS if that
 * is more than SIZE (BUF is then not to be used); -ENOMEM (JSON only). Text and JSON are one
 * line each, as wqctl(1) describes them. BUF may be NULL with SIZE 0 to ask only whether it
 * fits. */
ssize_t wq_record_render(
	const struct wq_record *r, enum wqfs_format format, void *buf, size_t size);

/* No record is shorter in FORMAT. */
size_t wq_record_least(enum wqfs_format format);

/* The length of R in FORMAT; 0 if there is no memory to find out. */
size_t wq_record_size(const struct wq_record *r, enum wqfs_format format);

#endif
