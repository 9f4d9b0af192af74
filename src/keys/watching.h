/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets and removes watches on keys. The first watch on a key puts it into the registry, and its
 * last one takes it out. */
#ifndef WQ_WATCHING_H
#define WQ_WATCHING_H

#include "base/caller.h"
#include "keys/expiry_scan.h"
#include "keys/feed.h"

/* The parts that this needs. By value in its owner, who owns none of them. */
struct wq_watching {
	struct wq_model *model;
	struct wq_compare *compare;
	struct wq_gc_watch *gc;
	struct wq_scan *scan;
	struct wq_expiry_scan *expiry;
	struct wq_feed *feed;
};

/* Takes the other parts from FEED, which has been set up. */
void wq_watching_init(
	struct wq_watching *w, struct wq_feed *feed, struct wq_expiry_scan *expiry);

/* See wq_keys_watch(). */
int wq_watching_set(struct wq_watching *w, struct wq_queue *queue, int32_t serial,
	int32_t watch_id, const struct wq_caller *caller);

/* Posts REMOVAL to the watches of KEY until UNTIL_NS. False: some are left; else
 * KEY is freed. */
bool wq_watching_remove(struct wq_key *key, uint64_t until_ns);

#endif
