/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/access.h"

/* Where the eight bits of each class begin in a permission mask. */
#define OTHER_SHIFT 0
#define GROUP_SHIFT 8
#define OWNER_SHIFT 16

#define ALL_RIGHTS 0x3fu

/* The class of WHO. A group without any rights is skipped, as in the kernel. */
static unsigned int class_of(const struct wq_key_state *s, const struct wq_caller *who)
{
	if (s->uid == who->uid)
		return OWNER_SHIFT;
	if (s->gid != (uint32_t)-1 && (s->perm & ALL_RIGHTS << GROUP_SHIFT) &&
		wq_caller_in_group(who, s->gid))
		return GROUP_SHIFT;
	return OTHER_SHIFT;
}

bool wq_access_has(const struct wq_key_state *s, const struct wq_caller *who, uint8_t rights)
{
	return (s->perm >> class_of(s, who)) & rights & ALL_RIGHTS;
}

bool wq_access_may_view(const struct wq_key_state *s, const struct wq_caller *who)
{
	return wq_access_has(s, who, WQ_RIGHT_VIEW);
}

bool wq_access_believed(
	const struct wq_key_state *s, const struct wq_caller *who, uint8_t rights)
{
	return who->uid == 0 || who->uid == s->uid || (rights && wq_access_has(s, who, rights));
}
