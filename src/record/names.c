/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/names.h"

#include <errno.h>
#include <string.h>

#include "base/array_size.h"
#include "wqfs.h"

static const char *const type_names[WATCH_TYPE__NR] = {
	[WATCH_TYPE_META] = "meta",
	[WATCH_TYPE_KEY_NOTIFY] = "key",
};

static const char *const meta_names[] = {
	[WATCH_META_REMOVAL_NOTIFICATION] = "removal",
	[WATCH_META_LOSS_NOTIFICATION] = "loss",
};

static const char *const key_names[] = {
	[NOTIFY_KEY_INSTANTIATED] = "instantiated",
	[NOTIFY_KEY_UPDATED] = "updated",
	[NOTIFY_KEY_LINKED] = "linked",
	[NOTIFY_KEY_UNLINKED] = "unlinked",
	[NOTIFY_KEY_CLEARED] = "cleared",
	[NOTIFY_KEY_REVOKED] = "revoked",
	[NOTIFY_KEY_INVALIDATED] = "invalidated",
	[NOTIFY_KEY_SETATTR] = "setattr",
};

_Static_assert(
	sizeof(WQ_KEY_LETTERS) - 1 == ARRAY_SIZE(key_names), "a letter for each key event");

static const struct {
	const char *const *names;
	size_t nr;
} subtype_names[WATCH_TYPE__NR] = {
	[WATCH_TYPE_META] = {meta_names, ARRAY_SIZE(meta_names)},
	[WATCH_TYPE_KEY_NOTIFY] = {key_names, ARRAY_SIZE(key_names)},
};

static int find(const char *const *names, size_t nr, const char *name, size_t len)
{
	for (size_t i = 0; i < nr; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return (int)i;
	return -ENOENT;
}

const char *wq_type_name(uint32_t type)
{
	return type < WATCH_TYPE__NR ? type_names[type] : NULL;
}

const char *wq_subtype_name(uint32_t type, unsigned int subtype)
{
	if (type >= WATCH_TYPE__NR || subtype >= subtype_names[type].nr)
		return NULL;
	return subtype_names[type].names[subtype];
}

int wq_type_by_name(const char *name, size_t len)
{
	return find(type_names, ARRAY_SIZE(type_names), name, len);
}

int wq_subtype_by_name(uint32_t type, const char *name, size_t len)
{
	if (type >= WATCH_TYPE__NR)
		return -ENOENT;
	return find(subtype_names[type].names, subtype_names[type].nr, name, len);
}
