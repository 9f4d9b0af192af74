/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes snapshots of watched keys. Does not change the models of the keys. */
#ifndef WQ_SNAPSHOT_H
#define WQ_SNAPSHOT_H

#include "keys/key.h"

/* Takes a snapshot of KEY into the scratch of its model. Known members have their names. 0 or
 * -ENOMEM. */
int wq_snapshot(struct wq_key *key);

/* The same for only the attributes. */
int wq_snapshot_attrs(struct wq_key *key);

/* Gets the names of some more members of KEY; repeated calls get all of them. */
void wq_snapshot_names(struct wq_key *key);

#endif
