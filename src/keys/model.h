/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bridge knows: the keys that are watched, what was told of them, who is who. By value
 * all of it, each part with a header of its own. What is done with it, and when, is the
 * bridge's.
 */
#ifndef WQ_MODEL_H
#define WQ_MODEL_H

#include "base/shares.h"
#include "base/loop.h"
#include "keys/config.h"
#include "keys/fate.h"
#include "keys/inflight.h"
#include "keys/ledger.h"
#include "keys/registry.h"
#include "keys/serials.h"
#include "sources/supervisor.h"

#define WQ_NAMES_MAX 64

struct wq_model {
	struct wq_keys_config config;
	struct wq_loop *loop;
	struct wq_key_reader *reader;
	/* One snapshot. Whoever calls a function that says so finds it filled; nobody keeps it
	 * while events are handled. */
	struct wq_key_state scratch;

	struct wq_supervisor sources;
	struct wq_event_order events; /* what they have told and nobody has handled */

	struct wq_registry registry;
	struct wq_ledger ledger;
	struct wq_fates fates;
	struct wq_inflight inflight;
	struct wq_serials serials; /* of keys that operations have named */

	struct wq_key_member names[WQ_NAMES_MAX]; /* of members that were displaced */
	unsigned int names_next;
	struct wq_shares guesses; /* of differences */
};

/* Does the source in use have one of CAPABILITIES? */
static inline bool wq_model_has(const struct wq_model *m, unsigned int capabilities)
{
	return wq_supervisor_has(&m->sources, capabilities);
}

/* Does a source tell of what is done, by operations or by changes? Else keys are polled. */
static inline bool wq_model_is_told(const struct wq_model *m)
{
	return wq_supervisor_tells(&m->sources);
}

/* KEY is gone: it stands among the zombies until its watches have been told. */
void wq_model_destroyed(struct wq_key *key);

/* Is KEY dead, as it was last seen, or past the time that /proc/keys gave it? */
bool wq_model_known_dead(const struct wq_key *key);

#endif
