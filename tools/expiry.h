/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When keys of a tree expire, which the kernel tells nobody: /proc/keys shows it, in whole
 * seconds, minutes, hours and so on. It is read when a key may have come so far, and after
 * changes that may have moved the time.
 */
#ifndef WQ_EXPIRY_H
#define WQ_EXPIRY_H

#include <time.h>

#include "event.h"
#include "key_tree.h"
#include "keys/proc_keys.h"

struct expiring;

/* By value in its owner, who sets lead, -1 for none, and event(). */
struct expiry {
	time_t lead; /* so many seconds before a key expires event() is called */
	void (*event)(struct expiry *x, struct event *event);

	/* What it knows of all keys is new. NULL: nobody wants to know. */
	void (*read)(struct expiry *x);

	struct wq_loop *loop;
	struct key_tree *tree;
	struct expiring *by_serial;
	struct wq_timer timer;
	uint64_t not_before_ns; /* reading again sooner would cost too much */
	uint64_t calm_ns;	/* read again after so long in any case */
	unsigned int pass;
};

/* Reads /proc/keys for the first time, in the loop. */
void expiry_start(struct expiry *x, struct wq_loop *loop, struct key_tree *tree);
void expiry_fini(struct expiry *x);

/* When SERIAL, a key of the tree, expires, as far as that is known. */
struct wq_expiry expiry_of(const struct expiry *x, int32_t serial);

/* EVENT may have moved the time at which a key expires. */
void expiry_event(struct expiry *x, const struct event *event);

#endif
