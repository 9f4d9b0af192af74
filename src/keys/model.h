/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bridge knows: the watched keys, the events that were reported, who is who.
 * Everything is held by value, and each part has a header of its own. The bridge decides what
 * is done with it, and when.
 */
#ifndef WQ_MODEL_H
#define WQ_MODEL_H

#include "base/shares.h"
#include "base/loop.h"
#include "keys/config.h"
#include "keys/fate.h"
#include "keys/inflight.h"
#include "keys/ledger.h"
#include "keys/losses.h"
#include "keys/outbox.h"
#include "keys/registry.h"
#include "keys/serials.h"
#include "keys/timeouts.h"
#include "sources/supervisor.h"

#define WQ_NAMES_MAX 64

struct wq_model {
	struct wq_keys_config config;
	struct wq_loop *loop;
	struct wq_key_reader *reader;
	/* One snapshot. A function that fills it says so; nobody relies on it while events are
	 * handled. */
	struct wq_key_state scratch;

	struct wq_supervisor sources;
	struct wq_event_order events; /* events that were reported and are not handled yet */

	struct wq_registry registry;
	/* Counts the sources that were put into use and report each change, so that each key
	 * notices by itself that it is out of date, and none has to visit them all at once. */
	unsigned int exact_periods;
	struct wq_timer zombies_timer; /* for the REMOVAL of keys that were destroyed */
	struct wq_outbox outbox;
	struct wq_losses losses;
	struct wq_ledger ledger;
	struct wq_fates fates;
	struct wq_timeouts timeouts;
	struct wq_inflight inflight;
	struct wq_serials serials; /* the serials of keys that operations have named */

	/* The names of members that were displaced. */
	struct wq_key_member names[WQ_NAMES_MAX];
	unsigned int names_next;
	struct wq_shares inferring; /* of time for inferring keyrings */
};

/* Does the source in use have one of CAPABILITIES? */
static inline bool wq_model_has(const struct wq_model *m, unsigned int capabilities)
{
	return wq_supervisor_has(&m->sources, capabilities);
}

/* Does the source in use report operations or changes? If not, keys are polled. */
static inline bool wq_model_has_events(const struct wq_model *m)
{
	return wq_supervisor_has_events(&m->sources);
}

/* Has a source that reports each change been put into use since KEY was last looked at? Then
 * what was noted for comparing KEY is out of date; wq_model_notice() clears that. */
static inline bool wq_model_is_outdated(const struct wq_key *key)
{
	return key->exact_periods != key->model->exact_periods;
}

/* To be called before anything is noted for comparing KEY, and before KEY is compared. */
void wq_model_notice(struct wq_key *key);

/* Are the members of RING known? */
static inline bool wq_key_has_members(const struct wq_key *ring)
{
	return ring->state.payload == WQ_PAYLOAD_MEMBERS && !ring->needs_snapshot &&
	       !wq_model_is_outdated(ring);
}

/* KEY was destroyed: it is a zombie until its watches have got REMOVAL. */
void wq_model_destroyed(struct wq_key *key);

/* Was KEY dead when it was last seen, or is it past the time that /proc/keys showed? */
bool wq_model_known_dead(const struct wq_key *key);

#endif
