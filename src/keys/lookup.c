/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "keys/access.h"
#include "keys/lookup.h"

int wq_lookup_life_error(enum wq_key_life life)
{
	switch (life) {
	case WQ_KEY_ALIVE:
		break;
	case WQ_KEY_HIDDEN:
		return -EACCES;
	case WQ_KEY_EXPIRED:
		return -EKEYEXPIRED;
	case WQ_KEY_REVOKED:
		return -EKEYREVOKED;
	case WQ_KEY_INVALIDATED:
	case WQ_KEY_DESTROYED:
		return -ENOKEY;
	}
	return 0;
}

/* Describes SERIAL into m->scratch with ids that may View it, and stores these in AS: those
 * used before; those of the daemon; or those of CALLER, if the daemon can use them. 0 or
 * -ENOMEM. */
static int describe_for(struct wq_model *m, int32_t serial, const struct wq_caller *caller,
	struct wq_view_cred *as)
{
	const struct wq_key *key = wq_registry_find(&m->registry, serial);
	struct wq_key_state *s = &m->scratch;
	int r;

	*as = key ? key->view : (struct wq_view_cred){0};
	r = wq_key_reader_describe(m->reader, as, serial, s);
	if (r < 0 || s->life != WQ_KEY_HIDDEN || geteuid() != 0 || caller->uid == 0)
		return r;
	*as = (struct wq_view_cred){.other = true, .uid = caller->uid, .gid = caller->gid};
	return wq_key_reader_describe(m->reader, as, serial, s);
}

/* May CALLER View the key SERIAL, which is described in m->scratch? If only a possessor may,
 * nobody whose ids we can take sees the key: AS says so. */
static bool may_view(struct wq_model *m, int32_t serial, const struct wq_caller *caller,
	struct wq_view_cred *as)
{
	const struct wq_key_state *s = &m->scratch;
	const bool is_hidden = s->life == WQ_KEY_HIDDEN;

	if (!is_hidden && wq_access_may_view(s, caller))
		return true;
	if (!(wq_supervisor_rights(&m->sources, caller, serial) & WQ_RIGHT_VIEW))
		return false;
	if (is_hidden)
		*as = (struct wq_view_cred){.none = true};
	return true;
}

int wq_lookup(struct wq_model *m, int32_t serial, const struct wq_caller *caller,
	struct wq_view_cred *as)
{
	struct wq_key_state *s = &m->scratch;
	int r;

	if (serial <= 0)
		return -EINVAL;
	r = describe_for(m, serial, caller, as);
	if (r < 0)
		return r;
	/* the kernel asks for rights last */
	if (s->life != WQ_KEY_HIDDEN)
		r = wq_lookup_life_error(s->life);
	/* a watched key has been constructed */
	if (r == 0 && !wq_registry_find(&m->registry, serial))
		r = wq_key_reader_constructed(m->reader, serial);
	if (r < 0)
		return r;
	return may_view(m, serial, caller, as) ? 0 : -EACCES;
}
