/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An operation that has ended, and who reports it: the input of interpreting and applying. */
#ifndef WQ_STATEMENT_H
#define WQ_STATEMENT_H

#include "keys/model.h"
#include "keys/resolve.h"

struct wq_statement {
	struct wq_model *model;
	const struct wq_operation *op;
	const struct wq_caller *caller; /* who reported it; NULL: a source */
	struct wq_meaning meaning;
};

/* The key SERIAL, if it is watched and was watched already when T's operation ended. */
struct wq_key *wq_statement_watched(const struct wq_statement *t, int32_t serial);

/* The same for something that TID, or if that is 0 somebody, did at AT_NS. */
struct wq_key *wq_watched_at(
	const struct wq_model *m, int32_t serial, uint64_t at_ns, pid_t tid);

/* Is T believed about SUBTYPE of KEY? A source always is. */
bool wq_statement_is_believed(const struct wq_statement *t, const struct wq_key *key,
	enum key_notification_subtype subtype);

#endif
