/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/per_user.h"

struct wq_user_count {
	uid_t uid;
	uint64_t n;
	UT_hash_handle hh;
};

static struct wq_user_count *find(const struct wq_per_user *counts, uid_t uid)
{
	struct wq_user_count *u;

	HASH_FIND(hh, counts->by_uid, &uid, sizeof(uid), u);
	return u;
}

static struct wq_user_count *add(struct wq_per_user *counts, uid_t uid)
{
	struct wq_user_count *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->uid = uid;
	HASH_ADD(hh, counts->by_uid, uid, sizeof(uid), u);
	if (!u->hh.tbl) {
		free(u);
		return NULL;
	}
	return u;
}

uint64_t wq_per_user_count(const struct wq_per_user *counts, uid_t uid)
{
	const struct wq_user_count *u = find(counts, uid);

	return u ? u->n : 0;
}

int wq_per_user_charge(struct wq_per_user *counts, uid_t uid, uint64_t limit)
{
	struct wq_user_count *u = find(counts, uid);

	if (wq_per_user_count(counts, uid) >= limit)
		return -EDQUOT;
	if (!u)
		u = add(counts, uid);
	if (!u)
		return -ENOMEM;
	u->n++;
	return 0;
}

void wq_per_user_uncharge(struct wq_per_user *counts, uid_t uid)
{
	struct wq_user_count *u = find(counts, uid);

	if (!u || --u->n)
		return;
	HASH_DEL(counts->by_uid, u);
	free(u);
}
