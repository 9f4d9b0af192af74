/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may do what to a key, by user and group, as the kernel's key_task_permission() decides
 * it for who does not possess the key: a source may tell that. Pure, except that it may ask
 * whether somebody is in a group.
 */
#ifndef WQ_ACCESS_H
#define WQ_ACCESS_H

#include "base/caller.h"
#include "keys/key_state.h"
#include "sources/operation.h"

/* Has WHO any of RIGHTS, a set of enum wq_right, on the key S? The bits of exactly one class
 * decide: owner, group or others. in_group NULL: WHO is in no group but gid. */
bool wq_access_has(const struct wq_key_state *s, const struct wq_caller *who, uint8_t rights);

/* May WHO View the key S? */
bool wq_access_may_view(const struct wq_key_state *s, const struct wq_caller *who);

/* Do we believe that WHO has done to the key S something that needs one of RIGHTS? We believe
 * root, the owner, and whoever has such a right. Others may possess the key, but nobody can
 * tell whether they do. */
bool wq_access_believed(
	const struct wq_key_state *s, const struct wq_caller *who, uint8_t rights);

#endif
