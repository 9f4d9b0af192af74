/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The errors that the kernel gives to a process that wants to watch a key. */
#ifndef WQ_LOOKUP_H
#define WQ_LOOKUP_H

#include "base/caller.h"
#include "keys/model.h"

/* The kernel's error for a key in the state LIFE; 0: no error. */
int wq_lookup_life_error(enum wq_key_life life);

/* The result of lookup_user_key(KEY_NEED_VIEW) for SERIAL and CALLER. If it is 0 the
 * description is in m->scratch, and AS has the ids that may see it. -errno; -EINPROGRESS: the
 * key is under construction. */
int wq_lookup(struct wq_model *m, int32_t serial, const struct wq_caller *caller,
	struct wq_view_cred *as);

#endif
