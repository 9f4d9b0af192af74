/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Passes over /proc/keys: only it tells of timeouts, and how long a payload is that cannot
 * be read.
 */
#ifndef WQ_EXPIRY_SCAN_H
#define WQ_EXPIRY_SCAN_H

#include "keys/gc_watch.h"
#include "keys/model.h"

/* By value in its owner. */
struct wq_expiry_scan {
	struct wq_model *model;
	struct wq_gc_watch *gc;
	struct wq_proc_keys *proc;
	uint64_t pass;
	uint64_t began_ns, cost_ns;
	bool failed;
	bool comparing;		     /* all lines of the pass have been read: */
	struct wq_key_cursor cursor; /* where the comparing of them stands */
};

void wq_expiry_init(struct wq_expiry_scan *e, struct wq_model *model, struct wq_gc_watch *gc);
void wq_expiry_fini(struct wq_expiry_scan *e);

/* Is it time for a pass again, by its share of the CPU budget? */
bool wq_expiry_due(const struct wq_expiry_scan *e, uint64_t now_ns);

/* Begins a pass. False: /proc/keys cannot be read. */
bool wq_expiry_begin(struct wq_expiry_scan *e);

/* One part of a pass: lines are read, and when all are, what they mean is told key by key:
 * after a pause, since what was done before they were read is to be taken in first. */
enum wq_expiry_step { WQ_EXPIRY_MORE, WQ_EXPIRY_PAUSE, WQ_EXPIRY_END };
enum wq_expiry_step wq_expiry_step(struct wq_expiry_scan *e);

/* A pass for new keys, before anything can change them, if that costs little and none is under
 * way; else the next pass is the first that counts. */
void wq_expiry_first_view(struct wq_expiry_scan *e);

#endif
