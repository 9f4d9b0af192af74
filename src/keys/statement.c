/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"
#include "keys/access.h"
#include "keys/statement.h"

struct wq_key *wq_watched_at(
	const struct wq_model *m, int32_t serial, uint64_t at_ns, pid_t tid)
{
	struct wq_key *key = serial > 0 ? wq_registry_find(&m->registry, serial) : NULL;

	if (!key) {
		wq_debug_keys("key %d: nothing is posted: nobody watches it", serial);
		return NULL;
	}
	if (at_ns < key->since_ns) {
		wq_debug_keys(
			"key %d: nothing is posted: thread %d changed it before it was watched",
			serial, (int)tid);
		return NULL;
	}
	return key;
}

struct wq_key *wq_statement_watched(const struct wq_statement *t, int32_t serial)
{
	return wq_watched_at(t->model, serial, t->op->end_ns, t->op->tid);
}

bool wq_statement_is_believed(const struct wq_statement *t, const struct wq_key *key,
	enum key_notification_subtype subtype)
{
	return !t->caller || wq_access_believed(&key->state, t->caller,
				     wq_operation_rights(t->op->op, subtype));
}
