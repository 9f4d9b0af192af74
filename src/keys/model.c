/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "base/log.h"
#include "keys/model.h"

/* Is KEY past the time that /proc/keys showed? */
static bool known_expired(const struct wq_key *key)
{
	const struct wq_expiry *e = &key->proc.expiry;

	return !wq_model_is_outdated(key) && key->proc.pass && e->from <= e->to &&
	       e->to <= time(NULL);
}

bool wq_model_known_dead(const struct wq_key *key)
{
	return (key->state.life >= WQ_KEY_EXPIRED && key->state.life < WQ_KEY_DESTROYED) ||
	       known_expired(key);
}

void wq_model_destroyed(struct wq_key *key)
{
	struct wq_model *m = key->model;

	if (wq_model_known_dead(key))
		wq_fates_note_dead(&m->fates, key->serial, 1);
	wq_debug_keys("key %d: it was destroyed", key->serial);
	wq_registry_make_zombie(&m->registry, key);
}

void wq_model_notice(struct wq_key *key)
{
	struct wq_registry *registry = &key->model->registry;

	if (!wq_model_is_outdated(key))
		return;
	wq_registry_undefer(registry, key);
	wq_registry_refreshed(registry, key);
	key->payload_reported = key->attrs_reported = false;
	key->nameless = 0;
	key->proc = (struct wq_proc_view){.len = -1};
	key->needs_snapshot = true;
	key->exact_periods = key->model->exact_periods;
}
