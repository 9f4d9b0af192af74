/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "keys/meant.h"

/* Does S belong to one of the users that A acts as? */
static bool is_own(const struct wq_actor *a, const struct wq_key_state *s)
{
	const struct wq_task *t = &a->task;

	for (size_t i = 0; i < ARRAY_SIZE(t->uids); i++)
		if (t->uids[i] == s->uid)
			return true;
	return wq_uid_in_range(&a->mapped, s->uid);
}

/* Is GID one of T's supplementary groups? Those that did not fit may be any. */
static bool in_group(const struct wq_caller *who, gid_t gid)
{
	const struct wq_task *t = who->private;

	for (unsigned int i = 0; i < t->ngroups; i++)
		if (t->groups[i] == gid)
			return true;
	return t->more_groups;
}

static bool is_named(const struct wq_key_state *s, const char *prefix, uid_t uid)
{
	char want[32];

	snprintf(want, sizeof(want), "%s.%u", prefix, uid);
	return !strcmp(wq_key_description(s), want);
}

/* Is S the keyring of A's real user in A's user namespace? */
static bool is_users(const struct wq_actor *a, const char *prefix, const struct wq_key_state *s)
{
	return (a->may_have_changed || a->mapped.last ? is_own(a, s)
						      : s->uid == a->task.ruid) &&
	       (a->inner_uid == WQ_UID_UNKNOWN || is_named(s, prefix, a->inner_uid));
}

static bool may_be_session(
	const struct wq_actor *a, uint8_t rights, const struct wq_key_state *s)
{
	const struct wq_task *t = &a->task;
	const struct wq_caller who = {
		.uid = t->uid, .gid = t->gid, .in_group = in_group, .private = (void *)t};

	if (t->uid == 0 && (!a->has_origin || wq_ids_have(&a->origin, 0)))
		return true;
	return is_own(a, s) || (a->has_origin && wq_ids_have(&a->origin, s->uid)) ||
	       (wq_access_has(s, &who, WQ_RIGHT_SEARCH) && wq_access_has(s, &who, rights));
}

bool wq_may_mean(
	const struct wq_actor *a, int32_t id, uint8_t rights, const struct wq_key_state *s)
{
	if (!a->known)
		return true;
	switch (id) {
	case KEY_SPEC_THREAD_KEYRING:
	case KEY_SPEC_PROCESS_KEYRING:
		return is_own(a, s);
	case KEY_SPEC_USER_KEYRING:
		return is_users(a, "_uid", s);
	case KEY_SPEC_USER_SESSION_KEYRING:
		return is_users(a, "_uid_ses", s);
	case KEY_SPEC_SESSION_KEYRING:
		return may_be_session(a, rights, s);
	default:
		return true;
	}
}
