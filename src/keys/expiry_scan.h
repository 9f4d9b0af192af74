/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Passes over /proc/keys, which alone shows timeouts, and the length of a payload that we may
 * not read.
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
	uint64_t began_ns, cost_ns; /* of the last pass */
	uint64_t cost_before_ns;    /* of the one before */
	bool failed;
	/* All lines of the pass have been read, and are being compared. */
	bool comparing;
	struct wq_key_cursor cursor; /* where the comparison is */
};

void wq_expiry_init(struct wq_expiry_scan *e, struct wq_model *model, struct wq_gc_watch *gc);
void wq_expiry_fini(struct wq_expiry_scan *e);

/* Is it time for another pass, by its share of the CPU budget? */
bool wq_expiry_due(const struct wq_expiry_scan *e, uint64_t now_ns);

/* Begins a pass. False: /proc/keys cannot be read. */
bool wq_expiry_begin(struct wq_expiry_scan *e);

/* Does one part of a pass. First it reads all lines; after a pause, in which earlier operations
 * are handled, it compares key by key. */
enum wq_expiry_step { WQ_EXPIRY_MORE, WQ_EXPIRY_PAUSE, WQ_EXPIRY_END };
enum wq_expiry_step wq_expiry_step(struct wq_expiry_scan *e);

/* Makes a pass for a new key before anything can change the key, if that is cheap and no pass
 * is under way. Otherwise the next pass counts as its first. */
void wq_expiry_first_view(struct wq_expiry_scan *e);

#endif
