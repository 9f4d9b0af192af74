/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is told of keys, on its way in: from sources, which are started, drained and replaced
 * here, and from reports.
 */
#ifndef WQ_FEED_H
#define WQ_FEED_H

#include "keys/follow.h"
#include "keys/resolve.h"

/* By value in its owner. */
struct wq_feed {
	struct wq_follower follower; /* what operations come to is done by it */
	struct wq_model *model;
	struct wq_resolve *resolve;
	struct wq_actors *actors;

	struct wq_timer drain_timer; /* to go on with the events of sources */
	bool draining;
	uint64_t catch_up_ns; /* when more of them may be taken in before a step of ours */
	struct wq_shares catching_up; /* the same for requests */
};

/* Prepares for the sources that the configuration allows; starts none. */
void wq_feed_init(
	struct wq_feed *f, const struct wq_follower *follower, struct wq_resolve *resolve);
void wq_feed_fini(struct wq_feed *f);

/* Starts the best source that can be had. False: none, keys are polled. */
bool wq_feed_start(struct wq_feed *f);

/* Is the source still what it was? Else LOSS, and another one or polling. Where one has died it
 * is tried again from time to time. Not while it is being drained. True: something changed. */
bool wq_feed_check(struct wq_feed *f);

/* As wq_keys_catch_up(). */
bool wq_feed_catch_up(struct wq_feed *f, uid_t uid);

/* Takes in what sources have told by now: for a slice of time, and no oftener than half of the
 * time. True: it was all of that, or keys are polled. */
bool wq_feed_take_in(struct wq_feed *f);

/* Has all been taken in that was done before this call? For what is to be asked again, in
 * another turn of the loop, until it has been: then, or after 100 ms, this is true. SINCE_NS, 0
 * at first, is the asker's own. */
bool wq_feed_caught_up(struct wq_feed *f, uint64_t *since_ns);

/* As wq_keys_report(). */
int wq_feed_report(struct wq_feed *f, const struct wqfs_key_report *report,
	const struct wq_caller *caller);

#endif
