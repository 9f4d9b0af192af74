/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key that is watched: what is known of it, and on which lists it stands. */
#ifndef WQ_KEY_H
#define WQ_KEY_H

#include <sys/queue.h>
#include <time.h>
#include <uthash.h>

#include "keys/ends.h"
#include "keys/key_reader.h"
#include "keys/key_state.h"
#include "keys/proc_keys.h"
#include "queue.h"

struct wq_model;

/* What /proc/keys said last. */
struct wq_proc_view {
	uint64_t pass;	    /* the pass that these are from; 0: none yet */
	uint64_t seen_pass; /* the pass that is under way, and how often it was seen there */
	unsigned int seen;
	bool expired;
	struct wq_expiry expiry, new_expiry;
	bool is_said; /* somebody reported another one since: */
	struct wq_expiry said;
	long len, new_len; /* of a payload, or -1 */
	uint64_t held_ns;  /* since when operations that are on their way hold it up; 0: none */
};

struct wq_key {
	/* What a look at an unchanged key needs comes first, in two cache lines: a scan of many
	 * keys is spent waiting for memory. */
	TAILQ_ENTRY(wq_key) node; /* in registry.all, or in registry.zombies */
	struct wq_model *model;
	uint64_t deferred_ns; /* when a difference was seen that an operation may yet explain */
	int32_t serial;
	unsigned int told;	   /* operations that have told of it: it only counts */
	bool zombie;		   /* destroyed: on registry.zombies */
	bool is_ring, ring_listed; /* listed on registry.rings */
	uint8_t ring_kind;
	/* An operation told of a change: what the next look finds of it is no news. */
	bool payload_told, attrs_told;
	bool needs_refresh; /* on registry.refresh */
	/* A source told each change, so that nothing was looked at: what is known of the key is
	 * what it was, and the next snapshot, taken when that source is gone, is a first one.
	 */
	bool needs_snapshot;
	struct wq_view_cred view; /* who may View it, where the daemon itself may not */
	struct wq_key_state state;

	struct wq_watch_list watchers;
	struct wq_proc_view proc;
	uint64_t since_ns; /* the first look: operations from before it are in it */
	bool on_probation; /* on registry.probation */
	uint64_t
		found_scan; /* deferred, or a zombie: the scan that ends after that was found */
	size_t unnamed_from; /* members from here on may lack a name */
	/* How many members were linked whose names could not be had any more: since the last
	 * look each may have taken the place of a member that is still in the model. */
	unsigned int nameless;
	struct wq_end end; /* in registry.ends: CLOCK_REALTIME when it will be collected */
	bool due;	   /* on registry.due: that time has come */
	UT_hash_handle hh;
	TAILQ_ENTRY(wq_key) deferred_node;
	TAILQ_ENTRY(wq_key) refresh_node;
	TAILQ_ENTRY(wq_key) probation_node;
	TAILQ_ENTRY(wq_key) due_node;
	TAILQ_ENTRY(wq_key) ring_node;
};

TAILQ_HEAD(wq_key_list, wq_key);

/* Are the members of the keyring RING known? */
static inline bool wq_key_has_members(const struct wq_key *ring)
{
	return ring->state.payload == WQ_PAYLOAD_MEMBERS && !ring->needs_snapshot;
}

#endif
