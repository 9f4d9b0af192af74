/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A watched key: the model of it, and the lists that it is on. */
#ifndef WQ_KEY_H
#define WQ_KEY_H

#include <sys/queue.h>
#include <time.h>

#include "base/hash.h"
#include "keys/ends.h"
#include "keys/key_reader.h"
#include "keys/key_state.h"
#include "keys/proc_keys.h"
#include "queue.h"

struct wq_model;

/* What /proc/keys has shown. */
struct wq_proc_view {
	uint64_t pass;	      /* the pass that these values come from; 0: none yet */
	uint64_t reported_ns; /* when a change was last reported */
	uint64_t read_ns;     /* what the current pass saw is not older */
	uint64_t seen_pass;   /* the current pass, and how often the key was seen in it */
	unsigned int seen;
	bool expired;
	struct wq_expiry expiry, new_expiry;
	bool is_said; /* somebody has reported another expiry since: */
	struct wq_expiry said;
	long len, new_len; /* of a payload, or -1 */
	/* Since when operations under way have delayed its comparison; 0: no delay. */
	uint64_t held_ns;
};

struct wq_key {
	/* The fields that a scan needs for an unchanged key come first, in two cache lines: a
	 * scan of many keys spends its time waiting for memory. */
	TAILQ_ENTRY(wq_key) node; /* in registry.all, or in registry.zombies */
	struct wq_model *model;
	/* When a difference was found that an operation may still explain. */
	uint64_t deferred_ns;
	int32_t serial;
	unsigned int reports;	   /* counts the operations that were reported for it */
	bool zombie;		   /* destroyed: it is on registry.zombies */
	bool is_ring, ring_listed; /* it is a keyring; it is on registry.rings */
	uint8_t ring_kind;
	/* An operation has reported such a change: if the next snapshot shows one it is not
	 * posted. */
	bool payload_reported, attrs_reported;
	bool needs_refresh; /* it is on registry.refresh */
	/* A source has reported each change, so no snapshots were taken. The model is out of
	 * date, and the first snapshot after the end of that source is only a baseline. */
	bool needs_snapshot;
	unsigned int exact_periods; /* the model's, as far as this key has noticed */
	struct wq_view_cred view;   /* who may View it, if the daemon itself may not */
	struct wq_key_state state;

	struct wq_watch_list watchers;
	struct wq_proc_view proc;
	/* The time of the first snapshot, which contains all earlier operations. */
	uint64_t since_ns;
	bool on_probation;   /* it is on registry.probation */
	uint64_t found_scan; /* deferred, or a zombie: a sync waits for it until this scan */
	/* Of a zombie: the time when that was found, before which all its changes were, and the
	 * life that it had as far as was known then. */
	uint64_t ended_ns;
	enum wq_key_life last_life;
	size_t unnamed_from; /* the members from here on may lack a name */
	/* The model shows all that was done to the members before this time. */
	uint64_t seen_ns;
	/* How many members were linked or unlinked since then that may have displaced, or
	 * named, a member that is still in the model, as the name of the one or the other could
	 * not be read. */
	unsigned int nameless;
	/* In registry.ends: CLOCK_REALTIME when the kernel will collect it. */
	struct wq_end end;
	bool due; /* on registry.due: that time has come */
	UT_hash_handle hh;
	TAILQ_ENTRY(wq_key) deferred_node;
	TAILQ_ENTRY(wq_key) refresh_node;
	TAILQ_ENTRY(wq_key) probation_node;
	TAILQ_ENTRY(wq_key) due_node;
	TAILQ_ENTRY(wq_key) ring_node;
};

TAILQ_HEAD(wq_key_list, wq_key);

#endif
