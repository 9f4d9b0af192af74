/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scans: each scan takes a snapshot of every watched key once, in turns within the CPU budget.
 * This decides when a scan is due, how far it may go in a turn, and who waits for it.
 */
#ifndef WQ_SCAN_H
#define WQ_SCAN_H

#include "base/turns.h"
#include "keys/compare.h"
#include "keys/expiry_scan.h"

/* Somebody who waits for a scan of all keys. Embedded in its owner, who sets the first two
 * fields. */
struct wq_keys_sync {
	void (*done)(struct wq_keys_sync *sync); /* it may free SYNC */
	uid_t uid;				 /* who pays for the scan */
	uint64_t nr;
	bool found;	/* all that its scan has found is posted: */
	uint64_t posts; /* the last of those posts */
	TAILQ_ENTRY(wq_keys_sync) node;
};

/* By value in its owner. */
struct wq_scan {
	struct wq_model *model;
	struct wq_compare *compare;
	struct wq_expiry_scan *expiry;
	struct wq_timer timer; /* its callback belongs to the owner */
	bool running, expiry_stage;
	struct wq_key_cursor cursor;
	uint64_t nr;	    /* counts the scans */
	uint64_t began_ns;  /* when the current scan began */
	uint64_t resync_ns; /* when the last thorough scan began */
	bool soon;	    /* another scan is wanted before that */
	uint64_t cost_ns;   /* CPU time of the current scan so far */
	uint64_t last_cost_ns;
	/* The current scan has a pass over /proc/keys, which is counted separately. */
	bool passed;
	uint64_t pass_cost_ns, last_pass_ns;
	uint64_t interval_ns; /* the time between two snapshots of one key */
	uint64_t turn_used_ns;
	uint64_t ended_ns; /* when the last scan ended */
	/* Sorted by the scan that they wait for. */
	TAILQ_HEAD(wq_sync_list, wq_keys_sync) syncs;
	/* When the next sync of each user may have a scan of its own. */
	struct wq_turns turns;
	/* When the first sync may have its scan, of those that wait for one that
	 * has not begun. */
	uint64_t wanted_ns;
};

void wq_scan_init(struct wq_scan *s, struct wq_model *model, struct wq_compare *compare,
	struct wq_expiry_scan *expiry);
void wq_scan_fini(struct wq_scan *s);

/* A key is watched: plans the first scan an interval from now. */
void wq_scan_start(struct wq_scan *s);

/* Scans before long, within the budget: nobody knows which key an operation has changed. */
void wq_scan_soon(struct wq_scan *s);

/* Scans all keys thoroughly and at once: events were lost. */
void wq_scan_resync(struct wq_scan *s);

/* The pace is another one from now on: plans the next scan anew. */
void wq_scan_replan(struct wq_scan *s);

/* With a source: seconds from one thorough scan to the next, as configured or as the source
 * needs it; 0: there is none. */
unsigned int wq_scan_resync_s(const struct wq_scan *s);

/* Is the scan that is due at NOW_NS a thorough one? */
bool wq_scan_is_thorough(const struct wq_scan *s, uint64_t now_ns);

/* Begins a scan. A THOROUGH scan always has a pass over /proc/keys. If a source reports each
 * change the scan takes no snapshots, and ends with its first step. */
void wq_scan_begin(struct wq_scan *s, bool thorough);

/* Continues the scan for what is left of a slice of time that began at SINCE_NS, and for some
 * keys at least. True: it has ended. */
bool wq_scan_step(struct wq_scan *s, uint64_t since_ns);

/* Sets the timer for the next turn of the scan. The current turn began at BEGAN_NS. */
void wq_scan_rest(struct wq_scan *s, uint64_t began_ns);

/* SYNC wants a scan that begins after this call. A scan serves all syncs that wait when it
 * begins, and each of their users pays for it. True: it may begin at once. */
bool wq_scan_want(struct wq_scan *s, struct wq_keys_sync *sync);

/* Takes a SYNC off the list whose scan has ended and has no deferred difference left. NULL:
 * there is none. */
struct wq_keys_sync *wq_scan_done(struct wq_scan *s);

#endif
