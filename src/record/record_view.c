/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "record/record_view.h"

void wq_record_view(struct wq_view *v, const struct wq_record *r)
{
	*v = (struct wq_view){
		.body = r->data + sizeof(v->n), .body_len = r->len - sizeof(v->n)};
	memcpy(&v->n, r->data, sizeof(v->n));
	v->id = (v->n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT;
	v->flags = (v->n.info & WATCH_INFO_TYPE_INFO) >> WATCH_INFO_TYPE_INFO__SHIFT;
	if (v->n.type == WATCH_TYPE_KEY_NOTIFY && r->len == sizeof(struct key_notification)) {
		v->kind = WQ_KIND_KEY;
		memcpy(&v->key, v->body, sizeof(v->key));
		memcpy(&v->aux, v->body + sizeof(v->key), sizeof(v->aux));
	} else if (v->n.type == WATCH_TYPE_META &&
		   v->n.subtype == WATCH_META_LOSS_NOTIFICATION) {
		v->kind = WQ_KIND_LOSS;
	} else if (v->n.type == WATCH_TYPE_META &&
		   v->n.subtype == WATCH_META_REMOVAL_NOTIFICATION) {
		v->kind = WQ_KIND_REMOVAL;
		v->has_object = v->body_len >= sizeof(v->object);
		if (v->has_object)
			memcpy(&v->object, v->body, sizeof(v->object));
	}
}

void wq_view_hex(const struct wq_view *v, char *out)
{
	for (size_t i = 0; i < v->body_len; i++)
		sprintf(out + 2 * i, "%02x", v->body[i]);
	out[2 * v->body_len] = '\0';
}

size_t wq_digits(uint64_t n)
{
	static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
		100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
		100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
		1000000000000000000, 10000000000000000000u};
	/* a bit is 0.30103 digits: this is the number of digits, or one less */
	const size_t digits = (size_t)(64 - __builtin_clzll(n | 1)) * 1233 >> 12;

	return digits + (n >= powers[digits] || !n);
}
