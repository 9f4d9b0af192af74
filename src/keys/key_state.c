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

/* ---- differences ---- */

/* Was a member of the same type and description put in its place? Then the kernel
 * posted only the LINKED of the new one. */
static bool displaced(const struct wq_key_member *gone, const struct wq_key_state *old,
	const struct wq_key_state *new)
{
	if (!gone->name)
		return false;
	for (size_t i = 0; i < new->len; i++)
		if (new->members[i].name == gone->name &&
			!wq_key_member_find(old, new->members[i].serial))
			return true;
	return false;
}

static void diff_members(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg)
{
	int32_t *unlinked = old->len ? malloc(old->len * sizeof(*unlinked)) : NULL;
	size_t n = 0;

	for (size_t i = 0; i < old->len; i++) {
		const struct wq_key_member *m = &old->members[i];

		if (wq_key_member_find(new, m->serial) || displaced(m, old, new) ||
			ops->fate(arg, m->serial) != WQ_MEMBER_UNLINKED)
			continue;
		if (unlinked)
			unlinked[n++] = m->serial;
		else /* no memory to tell a clear from unlinks */
			ops->record(arg, NOTIFY_KEY_UNLINKED, (uint32_t)m->serial);
	}
	if (new->len == 0 && n >= 2) {
		ops->record(arg, NOTIFY_KEY_CLEARED, 0);
		n = 0;
	}
	for (size_t i = 0; i < n; i++)
		ops->record(arg, NOTIFY_KEY_UNLINKED, (uint32_t)unlinked[i]);
	free(unlinked);
	for (size_t i = 0; i < new->len; i++)
		if (!wq_key_member_find(old, new->members[i].serial))
			ops->record(arg, NOTIFY_KEY_LINKED, (uint32_t) new->members[i].serial);
}

static void diff_payload(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg)
{
	/* What could not be read before has nothing to be compared with. */
	if (old->payload != new->payload)
		return;
	if (old->len == new->len && !memcmp(old->digest, new->digest, sizeof(new->digest)))
		return;
	if (new->payload == WQ_PAYLOAD_MEMBERS)
		diff_members(old, new, ops, arg);
	else if (new->payload == WQ_PAYLOAD_DIGEST)
		ops->record(arg, NOTIFY_KEY_UPDATED, 0);
}

void wq_key_diff(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg)
{
	switch (new->life) {
	case WQ_KEY_ALIVE:
		diff_payload(old, new, ops, arg);
		if (old->uid != new->uid || old->gid != new->gid || old->perm != new->perm ||
			(old->life == WQ_KEY_HIDDEN && ops->sees(arg, old)))
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
	case WQ_KEY_GONE:
		break;
	}
}
