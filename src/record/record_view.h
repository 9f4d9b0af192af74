/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record split into its fields, for text and JSON. */
#ifndef WQ_RECORD_VIEW_H
#define WQ_RECORD_VIEW_H

#include <stdbool.h>

#include "record/record.h"

enum wq_kind {
	WQ_KIND_OTHER,	 /* a body of unknown form */
	WQ_KIND_KEY,	 /* has key and aux */
	WQ_KIND_REMOVAL, /* has object, if has_object */
	WQ_KIND_LOSS,
};

struct wq_view {
	enum wq_kind kind;
	struct watch_notification n;
	unsigned int id, flags;
	uint32_t key, aux;
	uint64_t object;
	bool has_object;
	const uint8_t *body; /* inside the record */
	size_t body_len;
};

/* Splits R into V, which is valid as long as R is. */
void wq_record_view(struct wq_view *v, const struct wq_record *r);

/* The number of decimal digits of N. */
size_t wq_digits(uint64_t n);

#define WQ_HEX_MAX (2 * WQFS_RECORD_MAX)

/* Writes the body in hexadecimal, NUL-terminated, to OUT of WQ_HEX_MAX bytes. */
void wq_view_hex(const struct wq_view *v, char *out);

#endif
