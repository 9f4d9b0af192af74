/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Posts records to the watches of a key. */
#ifndef WQ_POST_H
#define WQ_POST_H

#include "keys/model.h"

/* Posts SUBTYPE with AUX of KEY to those who watched it at AT_NS. WHO NULL: unknown. */
void wq_post_change(struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux,
	const struct wq_cred *who, uint64_t at_ns);

/* Posts LOSS to every queue that watches KEY. */
void wq_post_key_loss(struct wq_key *key);

#endif
