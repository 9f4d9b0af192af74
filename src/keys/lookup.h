/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel says to one who names a key to watch it. */
#ifndef WQ_LOOKUP_H
#define WQ_LOOKUP_H

#include "base/caller.h"
#include "keys/model.h"

/* What the kernel says to one who names a key of that life; 0: nothing against it. */
int wq_lookup_life_error(enum wq_key_life life);

/* What lookup_user_key(KEY_NEED_VIEW) says of SERIAL to CALLER; when it says 0 the description
 * is in m->scratch, and in AS who may see it. -errno, and -EINPROGRESS: under construction. */
int wq_lookup(struct wq_model *m, int32_t serial, const struct wq_caller *caller,
	struct wq_view_cred *as);

#endif
