/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"
#include "keys/post.h"
#include "record/names.h"

void wq_post_change(struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux,
	const struct wq_cred *who, uint64_t at_ns)
{
	struct key_notification n = {
		.watch.type = WATCH_TYPE_KEY_NOTIFY,
		.watch.subtype = (uint8_t)subtype,
		.watch.info = sizeof(n),
		.key_id = (uint32_t)key->serial,
		.aux = aux,
	};

	wq_debug_keys("key %d: %s (%u) is posted", key->serial,
		wq_subtype_name(WATCH_TYPE_KEY_NOTIFY, subtype), aux);
	wq_outbox_post(&key->model->outbox, &key->watchers, &n.watch, who,
		(uint64_t)key->serial, at_ns);
}

void wq_post_key_loss(struct wq_key *key)
{
	wq_debug_keys("key %d: LOSS is posted", key->serial);
	wq_outbox_lose(&key->model->outbox, &key->watchers, (uint64_t)key->serial);
}
