/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carries out what an operation means: applies its changes, and starts what else follows. */
#ifndef WQ_FOLLOW_H
#define WQ_FOLLOW_H

#include "keys/apply.h"
#include "keys/compare.h"
#include "keys/gc_watch.h"
#include "keys/outcome.h"
#include "keys/scan.h"

/* The parts that this needs. By value in its owner, who owns none of them. */
struct wq_follower {
	struct wq_model *model;
	struct wq_compare *compare;
	struct wq_gc_watch *gc;
	struct wq_scan *scan;
};

/* T's operation has ended: finds out what it means, and carries that out. */
void wq_follow_ended(const struct wq_follower *f, const struct wq_statement *t);

/* The same for a source that reports each change. */
void wq_follow_change(const struct wq_follower *f, const struct wq_change *change);

#endif
