/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way in of everything that is reported about keys: from sources, which are started,
 * drained and replaced here, and from processes.
 */
#ifndef WQ_FEED_H
#define WQ_FEED_H

#include "keys/follow.h"
#include "keys/resolve.h"

/* By value in its owner. */
struct wq_feed {
	struct wq_follower follower; /* carries out what operations come to */
	struct wq_model *model;
	struct wq_resolve *resolve;
	struct wq_actors *actors;

	uint64_t began_ns;	     /* when a source was wanted: at the start, or by a death */
	const char *died;	     /* the source whose successor is being started; or NULL */
	bool has_decided;	     /* which source it is, or that none works */
	bool is_telling;	     /* a source that has started which keys are watched: */
	struct wq_key_cursor told;   /* how far that has come */
	struct wq_timer drain_timer; /* to handle more events of the sources */
	bool draining;
	uint64_t next_drain_ns;	       /* when a step of ours may drain the sources again */
	struct wq_shares drain_shares; /* the same for requests */
};

/* Prepares for the sources that the configuration allows; starts none. */
void wq_feed_init(
	struct wq_feed *f, const struct wq_follower *follower, struct wq_resolve *resolve);
void wq_feed_fini(struct wq_feed *f);

/* Starts the best source that works, or begins to, as the configuration says. False: none
 * works, and keys are polled. */
bool wq_feed_start(struct wq_feed *f);

/* Is a source being started for which a watch should wait? */
bool wq_feed_is_starting(const struct wq_feed *f);

/* Checks that the source is still alive. If not, posts LOSS and starts another source, or
 * polls. If there is none, tries again from time to time. Must not be called while the source
 * is drained. True: something has changed. */
bool wq_feed_check(struct wq_feed *f);

/* See wq_keys_drain_sources(). */
bool wq_feed_drain_for(struct wq_feed *f, uid_t uid);

/* Handles what the sources have reported by now: for a slice of time, and in at most half of
 * the time. True: it was all of that, or keys are polled. */
bool wq_feed_drain(struct wq_feed *f);

/* Has everything been handled that was done before AT_NS? Drains the sources if not, as
 * wq_feed_drain() does: a caller asks again in later turns of the loop until this is true. */
bool wq_feed_has_handled(struct wq_feed *f, uint64_t at_ns);

/* Has everything been handled that was done before this call? A caller asks again in later
 * turns of the loop until this is true, which it is after 100 ms at the latest. SINCE_NS, 0 at
 * first, belongs to the caller. */
bool wq_feed_is_drained(struct wq_feed *f, uint64_t *since_ns);

#endif
