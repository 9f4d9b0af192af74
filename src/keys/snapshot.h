/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of watched keys. They change nothing of what is known of a key. */
#ifndef WQ_SNAPSHOT_H
#define WQ_SNAPSHOT_H

#include "keys/key.h"

/* Takes a snapshot of KEY into the scratch of its model. Members that are known have their
 * names. 0 or -ENOMEM. */
int wq_snapshot(struct wq_key *key);

/* The same, with the attributes alone. */
int wq_snapshot_attrs(struct wq_key *key);

/* Has some more of the members that KEY is known to have described, so that they have names: in
 * several calls all of them. */
void wq_snapshot_names(struct wq_key *key);

#endif
