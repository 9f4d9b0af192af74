/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ids.h"

#define UNCHANGED ((uid_t)-1)

bool wq_ids_have(const struct wq_ids *ids, uid_t uid)
{
	for (int i = 0; i < WQ_ID_KINDS; i++)
		if (ids->uid[i] == uid)
			return true;
	return false;
}

/* Does a thread without privilege only choose among its own users? It cannot
 * become any other. */
static bool are_own(const struct wq_ids *ids, const uid_t *arg, int n)
{
	for (int i = 0; i < n; i++)
		if (arg[i] != UNCHANGED && !wq_ids_have(ids, arg[i]))
			return false;
	return true;
}

/* A thread in another user namespace gives numbers of that namespace. Only root can have let
 * that namespace name users that are not the thread's own. */
static bool are_ours(struct wq_ids *ids, const uid_t *arg, int n)
{
	if (ids->is_sure || wq_ids_have(ids, 0) || are_own(ids, arg, n))
		return true;
	ids->has_mapped = true;
	return false;
}

static void set(uid_t *uid, uid_t to)
{
	if (to != UNCHANGED)
		*uid = to;
}

/* A privileged thread changes all its users to UID, another thread only the effective one. The
 * kernel does not report which it was, but only a privileged thread can become somebody else.
 * False: it is unknown. */
static bool set_uid(struct wq_ids *ids, uid_t uid)
{
	const bool may = ids->uid[WQ_ID_EFFECTIVE] == 0 || !wq_ids_have(ids, uid);
	const bool is_clear = uid == ids->uid[WQ_ID_REAL] ||
			      (!ids->has_executed && uid != ids->uid[WQ_ID_SAVED]);

	if (may)
		ids->uid[WQ_ID_REAL] = ids->uid[WQ_ID_SAVED] = uid;
	ids->uid[WQ_ID_EFFECTIVE] = ids->uid[WQ_ID_FS] = uid;
	ids->is_sure &= is_clear;
	return is_clear;
}

static void set_re_uid(struct wq_ids *ids, uid_t real, uid_t effective)
{
	const bool saves = real != UNCHANGED ||
			   (effective != UNCHANGED && effective != ids->uid[WQ_ID_REAL]);

	set(&ids->uid[WQ_ID_REAL], real);
	set(&ids->uid[WQ_ID_EFFECTIVE], effective);
	if (saves)
		ids->uid[WQ_ID_SAVED] = ids->uid[WQ_ID_EFFECTIVE];
	ids->uid[WQ_ID_FS] = ids->uid[WQ_ID_EFFECTIVE];
}

static void set_res_uid(struct wq_ids *ids, const uid_t arg[WQ_IDS_ARGS])
{
	for (int i = 0; i < WQ_IDS_ARGS; i++)
		set(&ids->uid[i], arg[i]);
	ids->uid[WQ_ID_FS] = ids->uid[WQ_ID_EFFECTIVE];
}

static void set_fs_uid(struct wq_ids *ids, uid_t uid)
{
	if (wq_ids_have(ids, 0) || wq_ids_have(ids, uid))
		set(&ids->uid[WQ_ID_FS], uid);
}

bool wq_ids_change(struct wq_ids *ids, enum wq_ids_change change, const uid_t arg[WQ_IDS_ARGS])
{
	static const int args[] = {
		[WQ_IDS_SETUID] = 1,
		[WQ_IDS_SETREUID] = 2,
		[WQ_IDS_SETRESUID] = 3,
	};

	if (change <= WQ_IDS_SETRESUID && !are_ours(ids, arg, args[change]))
		return false;
	switch (change) {
	case WQ_IDS_SETUID:
		return set_uid(ids, arg[0]);
	case WQ_IDS_SETREUID:
		set_re_uid(ids, arg[0], arg[1]);
		break;
	case WQ_IDS_SETRESUID:
		set_res_uid(ids, arg);
		break;
	case WQ_IDS_SETFSUID:
		set_fs_uid(ids, arg[0]);
		break;
	case WQ_IDS_EXECUTED:
		ids->has_executed = true;
		break;
	case WQ_IDS_LEFT:
	case WQ_IDS_BEGINS_APART:
		ids->is_sure = false;
		break;
	}
	return true;
}
