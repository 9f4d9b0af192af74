/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An operation that has ended, and who says so: what interpreting it and applying it need. */
#ifndef WQ_TELLING_H
#define WQ_TELLING_H

#include "keys/model.h"
#include "keys/resolve.h"

struct wq_telling {
	struct wq_model *model;
	struct wq_resolve *resolve;
	const struct wq_operation *op;
	const struct wq_caller *caller; /* who reported it; NULL: a source tells of it */
	struct wq_cred who;		/* who did it; pid 0: nobody has said so yet */
};

/* SERIAL if it is watched, and was already when T's operation ended. */
struct wq_key *wq_telling_watched(const struct wq_telling *t, int32_t serial);

/* The same of what TID, or if that is 0 somebody, did at AT_NS. */
struct wq_key *wq_watched_at(
	const struct wq_model *m, int32_t serial, uint64_t at_ns, pid_t tid);

/* Is T believed when it says SUBTYPE of KEY? A source is. */
bool wq_telling_is_believed(const struct wq_telling *t, const struct wq_key *key,
	enum key_notification_subtype subtype);

/* Who pays for what T makes us do. */
uid_t wq_telling_payer(const struct wq_telling *t);

#endif
