/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys/key_state.h"

void wq_key_state_fini(struct wq_key_state *s)
{
	free(s->describe);
	free(s->members);
	memset(s, 0, sizeof(*s));
}

int wq_key_state_reserve(struct wq_key_state *s, size_t n)
{
	struct wq_key_member *m;

	if (n <= s->members_cap)
		return 0;
	n += n / 2;
	m = reallocarray(s->members, n, sizeof(*m));
	if (!m)
		return -ENOMEM;
	s->members = m;
	s->members_cap = n;
	return 0;
}

static int by_serial(const void *a, const void *b)
{
	int32_t x = ((const struct wq_key_member *)a)->serial;
	int32_t y = ((const struct wq_key_member *)b)->serial;

	return (x > y) - (x < y);
}

struct wq_key_member *wq_key_member_find(const struct wq_key_state *s, int32_t serial)
{
	struct wq_key_member key = {.serial = serial};

	if (s->payload != WQ_PAYLOAD_MEMBERS || !s->len)
		return NULL;
	return bsearch(&key, s->members, s->len, sizeof(key), by_serial);
}

int wq_key_member_add(struct wq_key_state *s, int32_t serial, uint64_t name)
{
	struct wq_key_member *m = wq_key_member_find(s, serial);
	size_t i;
	int r;

	if (m) {
		if (name)
			m->name = name;
		return 0;
	}
	r = wq_key_state_reserve(s, s->len + 1);
	if (r < 0)
		return r;
	for (i = s->len; i > 0 && s->members[i - 1].serial > serial; i--)
		s->members[i] = s->members[i - 1];
	s->members[i] = (struct wq_key_member){serial, name};
	s->len++;
	return 0;
}

void wq_key_member_del(struct wq_key_state *s, int32_t serial)
{
	struct wq_key_member *m = wq_key_member_find(s, serial);

	if (!m)
		return;
	s->len--;
	memmove(m, m + 1, (size_t)(s->members + s->len - m) * sizeof(*m));
}

bool wq_key_state_parse(struct wq_key_state *s)
{
	char *p = s->describe ? strchr(s->describe, ';') : NULL;

	if (!p)
		return false;
	s->uid = (uint32_t)strtoll(p + 1, &p, 10);
	if (*p != ';')
		return false;
	s->gid = (uint32_t)strtoll(p + 1, &p, 10);
	if (*p != ';')
		return false;
	s->perm = (uint32_t)strtoul(p + 1, &p, 16);
	return *p == ';';
}

int wq_key_state_reserve_describe(struct wq_key_state *s, size_t n)
{
	char *p;

	if (n <= s->describe_cap)
		return 0;
	p = realloc(s->describe, n);
	if (!p)
		return -ENOMEM;
	s->describe = p;
	s->describe_cap = n;
	return 0;
}

int wq_key_state_copy_attrs(struct wq_key_state *s, const struct wq_key_state *from)
{
	size_t n = strlen(from->describe) + 1;
	int r = wq_key_state_reserve_describe(s, n);

	if (r < 0)
		return r;
	memcpy(s->describe, from->describe, n);
	s->uid = from->uid;
	s->gid = from->gid;
	s->perm = from->perm;
	return 0;
}

bool wq_key_is_type(const struct wq_key_state *s, const char *type)
{
	size_t n = strlen(type);

	return s->describe && !strncmp(s->describe, type, n) && s->describe[n] == ';';
}

const char *wq_key_description(const struct wq_key_state *s)
{
	const char *p = s->describe;

	for (int i = 0; p && i < 4; i++) {
		p = strchr(p, ';');
		if (p)
			p++;
	}
	return p ? p : "";
}

bool wq_key_is_same_name(const struct wq_key_state *a, const struct wq_key_state *b)
{
	size_t type = strcspn(a->describe, ";");

	return strncmp(a->describe, b->describe, type) == 0 && b->describe[type] == ';' &&
	       strcmp(wq_key_description(a), wq_key_description(b)) == 0;
}

/* ---- differences ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The names of members that are new. */
struct names {
	uint64_t *name; /* sorted; NULL: no memory, or no names */
	size_t n;
};

/* Calls FN for each member of A that B does not have, in order. Both are sorted. */
static void for_each_missing(const struct wq_key_state *a, const struct wq_key_state *b,
	void (*fn)(void *arg, const struct wq_key_member *m), void *arg)
{
	size_t j = 0;

	for (size_t i = 0; i < a->len; i++) {
		while (j < b->len && b->members[j].serial < a->members[i].serial)
			j++;
		if (j == b->len || b->members[j].serial != a->members[i].serial)
			fn(arg, &a->members[i]);
	}
}

static void add_name(void *arg, const struct wq_key_member *m)
{
	struct names *names = arg;

	if (m->name)
		names->name[names->n++] = m->name;
}

/* The state of a comparison. */
struct diff {
	const struct wq_key_state *old, *new;
	const struct wq_diff_ops *ops;
	void *arg;
	struct names added;
	int32_t *unlinked;
	size_t n;
};

static bool is_added(const struct diff *d, uint64_t name)
{
	if (d->added.name)
		return bsearch(&name, d->added.name, d->added.n, sizeof(name), by_value);
	/* Without memory for the sorted names, or if there are none. */
	for (size_t i = 0; i < d->new->len; i++)
		if (d->new->members[i].name == name &&
			!wq_key_member_find(d->old, d->new->members[i].serial))
			return true;
	return false;
}

/* Was a member of the same type and description put in its place? Then the kernel has posted
 * only the LINKED of the new member. */
static bool displaced(const struct diff *d, const struct wq_key_member *missing)
{
	return missing->name && is_added(d, missing->name);
}

static void note_missing(void *arg, const struct wq_key_member *m)
{
	struct diff *d = arg;

	if (displaced(d, m) || d->ops->fate(d->arg, m->serial) != WQ_MEMBER_UNLINKED)
		return;
	if (d->unlinked)
		d->unlinked[d->n++] = m->serial;
	else /* no memory to tell a clear from several unlinks */
		d->ops->record(d->arg, NOTIFY_KEY_UNLINKED, (uint32_t)m->serial);
}

static void record_linked(void *arg, const struct wq_key_member *m)
{
	const struct diff *d = arg;

	d->ops->record(d->arg, NOTIFY_KEY_LINKED, (uint32_t)m->serial);
}

static void diff_members(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg)
{
	struct diff d = {old, new, ops, arg, .unlinked = NULL};

	if (old->len) {
		d.unlinked = malloc(old->len * sizeof(*d.unlinked));
		d.added.name = new->len ? malloc(new->len * sizeof(*d.added.name)) : NULL;
	}
	if (d.added.name) {
		for_each_missing(new, old, add_name, &d.added);
		qsort(d.added.name, d.added.n, sizeof(*d.added.name), by_value);
	}
	for_each_missing(old, new, note_missing, &d);
	if (new->len == 0 && d.n >= 2) {
		ops->record(arg, NOTIFY_KEY_CLEARED, 0);
		d.n = 0;
	}
	for (size_t i = 0; i < d.n; i++)
		ops->record(arg, NOTIFY_KEY_UNLINKED, (uint32_t)d.unlinked[i]);
	free(d.unlinked);
	free(d.added.name);
	for_each_missing(new, old, record_linked, &d);
}

static bool same_members(const struct wq_key_state *old, const struct wq_key_state *new)
{
	if (old->len != new->len)
		return false;
	for (size_t i = 0; i < old->len; i++)
		if (old->members[i].serial != new->members[i].serial)
			return false;
	return true;
}

/* A payload that could not be read before cannot be compared. */
static bool payload_differs(const struct wq_key_state *old, const struct wq_key_state *new)
{
	return old->payload == new->payload &&
	       (old->len != new->len ||
		       memcmp(old->digest, new->digest, sizeof(new->digest)) != 0);
}

static void diff_payload(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg)
{
	if (!payload_differs(old, new))
		return;
	if (new->payload == WQ_PAYLOAD_MEMBERS)
		diff_members(old, new, ops, arg);
	else if (new->payload == WQ_PAYLOAD_DIGEST)
		ops->record(arg, NOTIFY_KEY_UPDATED, 0);
}

static bool attrs_differ(const struct wq_key_state *old, const struct wq_key_state *new,
	bool (*sees)(void *arg, const struct wq_key_state *s), void *arg)
{
	return old->uid != new->uid || old->gid != new->gid || old->perm != new->perm ||
	       (old->life == WQ_KEY_HIDDEN && sees(arg, old));
}

bool wq_key_differs(const struct wq_key_state *old, const struct wq_key_state *new,
	bool (*sees)(void *arg, const struct wq_key_state *s), void *arg)
{
	switch (new->life) {
	case WQ_KEY_ALIVE:
		return attrs_differ(old, new, sees, arg) ||
		       (payload_differs(old, new) &&
			       (new->payload == WQ_PAYLOAD_DIGEST ||
				       (new->payload == WQ_PAYLOAD_MEMBERS &&
					       !same_members(old, new))));
	case WQ_KEY_HIDDEN:
		return old->life == WQ_KEY_ALIVE && sees(arg, old);
	case WQ_KEY_REVOKED:
	case WQ_KEY_INVALIDATED:
		return old->life < new->life;
	case WQ_KEY_EXPIRED:
	case WQ_KEY_DESTROYED:
		break;
	}
	return false;
}

void wq_key_diff(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg)
{
	switch (new->life) {
	case WQ_KEY_ALIVE:
		diff_payload(old, new, ops, arg);
		if (attrs_differ(old, new, ops->sees, arg))
			ops->record(arg, NOTIFY_KEY_SETATTR, 0);
		break;
	case WQ_KEY_HIDDEN:
		if (old->life == WQ_KEY_ALIVE && ops->sees(arg, old))
			ops->record(arg, NOTIFY_KEY_SETATTR, 0);
		break;
	case WQ_KEY_REVOKED:
		if (old->life < WQ_KEY_REVOKED)
			ops->record(arg, NOTIFY_KEY_REVOKED, 0);
		break;
	case WQ_KEY_INVALIDATED:
		if (old->life < WQ_KEY_INVALIDATED)
			ops->record(arg, NOTIFY_KEY_INVALIDATED, 0);
		break;
	case WQ_KEY_EXPIRED:
	case WQ_KEY_DESTROYED:
		break;
	}
}
