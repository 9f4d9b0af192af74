/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may do what to a key, by user and group, as key_task_permission() of the kernel has it.
 * Possession is not ours to judge. Pure, but for the question whether somebody is in a group.
 */
#ifndef WQ_ACCESS_H
#define WQ_ACCESS_H

#include "base/caller.h"
#include "keys/key_state.h"
#include "sources/operation.h"

/* Has WHO any of RIGHTS, a set of enum wq_right, to the key S? One of owner, group and others
 * decides, which is not asked for more than that. in_group NULL: WHO is in no group but gid. */
bool wq_access_has(const struct wq_key_state *s, const struct wq_caller *who, uint8_t rights);

/* May WHO View the key S? */
bool wq_access_may_view(const struct wq_key_state *s, const struct wq_caller *who);

/* Is WHO believed to have done to the key S what takes any of RIGHTS? Root and the owner are,
 * and whoever has such a right: the others may possess it, but that nobody can tell. */
bool wq_access_believed(
	const struct wq_key_state *s, const struct wq_caller *who, uint8_t rights);

#endif
