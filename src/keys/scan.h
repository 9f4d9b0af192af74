/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scans: every watched key is looked at once, by turns within the CPU budget. When one is due,
 * how far it may go in a turn, and who waits for it.
 */
#ifndef WQ_SCAN_H
#define WQ_SCAN_H

#include "base/turns.h"
#include "keys/compare.h"
#include "keys/expiry_scan.h"

/* One who waits until every watched key has been looked at. Embedded in its owner, who sets the
 * first two. */
struct wq_keys_sync {
	void (*done)(struct wq_keys_sync *sync); /* it may free SYNC */
	uid_t uid;				 /* who pays for the scan */
	uint64_t round;
	TAILQ_ENTRY(wq_keys_sync) node;
};

/* By value in its owner. */
struct wq_scan {
	struct wq_model *model;
	struct wq_compare *compare;
	struct wq_expiry_scan *expiry;
	struct wq_timer timer; /* what it does its owner says */
	bool running, expiry_stage;
	struct wq_key_cursor cursor;
	uint64_t round;	    /* counts them */
	uint64_t began_ns;  /* when this one began */
	uint64_t resync_ns; /* when the last thorough one did */
	bool soon;	    /* another is wanted before that */
	uint64_t cost_ns;   /* CPU time of this one's looks so far */
	uint64_t last_cost_ns;
	bool passed; /* this one has a pass over /proc/keys, which is counted apart */
	uint64_t pass_cost_ns, last_pass_ns;
	uint64_t interval_ns; /* from look to look at one key */
	uint64_t turn_used_ns;
	uint64_t ended_ns;			      /* when the last one did */
	TAILQ_HEAD(wq_sync_list, wq_keys_sync) syncs; /* by their rounds */
	struct wq_turns turns; /* when each user's next sync may have a scan of its own */
	uint64_t wanted_ns; /* when the first of those may that wait for one that has not begun
			     */
};

void wq_scan_init(struct wq_scan *s, struct wq_model *model, struct wq_compare *compare,
	struct wq_expiry_scan *expiry);
void wq_scan_fini(struct wq_scan *s);

/* A key is watched: the first scan is an interval away. */
void wq_scan_start(struct wq_scan *s);

/* Sets the timer of the next scan. */
void wq_scan_plan(struct wq_scan *s);

/* Looks at every key before long, and within the budget: something was done that cannot be
 * told to a key. */
void wq_scan_soon(struct wq_scan *s);

/* Looks at every key at once and thoroughly: something was lost. */
void wq_scan_resync(struct wq_scan *s);

/* With a source: seconds from one thorough scan to the next, as it is configured or the source
 * needs it; 0: there is none. */
unsigned int wq_scan_resync_s(const struct wq_scan *s);

/* Is the scan that is due at NOW_NS to be a thorough one? */
bool wq_scan_is_thorough(const struct wq_scan *s, uint64_t now_ns);

/* Begins a scan; a THOROUGH one has a pass over /proc/keys in any case. Where a source tells
 * each change it looks at nothing, and ends at its first step. */
void wq_scan_begin(struct wq_scan *s, bool thorough);

/* Goes on with the scan for a slice of time. True: it has ended. */
bool wq_scan_step(struct wq_scan *s);

/* Sets the timer for the next turn of the scan, of which this one began at BEGAN_NS. */
void wq_scan_rest(struct wq_scan *s, uint64_t began_ns);

/* SYNC wants a scan that begins after this. A scan is for all who wait when it begins, and each
 * of their users has paid for it then. True: it may begin at once. */
bool wq_scan_want(struct wq_scan *s, struct wq_keys_sync *sync);

/* Takes the next SYNC whose scan has ended, with nothing held back of it, off the list; NULL:
 * there is none. */
struct wq_keys_sync *wq_scan_done(struct wq_scan *s);

#endif
