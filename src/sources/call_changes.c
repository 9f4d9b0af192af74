/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/keyctl.h>
#include <linux/watch_queue.h>
#include <string.h>

#include "sources/call_changes.h"

struct list {
	const struct wq_hook_call *call;
	struct wq_change *changes;
	size_t n;
};

static void add(struct list *l, int32_t serial, uint8_t subtype, uint32_t aux)
{
	struct wq_change *c = &l->changes[l->n];

	if (serial <= 0) /* no keyring was given */
		return;
	*c = (struct wq_change){
		.serial = serial,
		.subtype = subtype,
		.aux = aux,
		.at_ns = l->call->at_ns,
		.who = {.pid = (pid_t)l->call->who.pid,
			.uid = l->call->who.uid,
			.gid = l->call->who.gid},
	};
	memcpy(c->who.comm, l->call->who.comm, sizeof(c->who.comm));
	l->n++;
}

static void linked(struct list *l, int32_t ring, int32_t key)
{
	add(l, ring, NOTIFY_KEY_LINKED, (uint32_t)key);
}

static void instantiated(struct list *l, uint32_t error, int32_t ring)
{
	const int32_t key = l->call->arg[0];

	add(l, key, NOTIFY_KEY_INSTANTIATED, -error);
	linked(l, ring, key);
}

static void moved(struct list *l)
{
	const int32_t key = l->call->arg[0], from = l->call->arg[1], to = l->call->arg[2];

	if (from == to) /* then key_move() does nothing */
		return;
	add(l, from, NOTIFY_KEY_UNLINKED, (uint32_t)key);
	linked(l, to, key);
}

/* Longer than a page because it has one case for each operation, and nothing else. */
size_t wq_call_changes(
	const struct wq_hook_call *call, struct wq_change changes[WQ_CALL_CHANGES_MAX])
{
	struct list l = {call, changes, 0};
	const int32_t *arg = call->arg;

	switch (call->op) {
	case KEYCTL_UPDATE:
		add(&l, arg[0], NOTIFY_KEY_UPDATED, 0);
		break;
	case KEYCTL_REVOKE:
		add(&l, arg[0], NOTIFY_KEY_REVOKED, 0);
		break;
	case KEYCTL_INVALIDATE:
		add(&l, arg[0], NOTIFY_KEY_INVALIDATED, 0);
		break;
	case KEYCTL_CHOWN:
		/* without owner and group keyctl_chown_key() changes nothing */
		if (arg[1] != -1 || arg[2] != -1)
			add(&l, arg[0], NOTIFY_KEY_SETATTR, 0);
		break;
	case KEYCTL_SETPERM:
	case KEYCTL_SET_TIMEOUT:
	case KEYCTL_RESTRICT_KEYRING:
		add(&l, arg[0], NOTIFY_KEY_SETATTR, 0);
		break;
	case KEYCTL_CLEAR:
		add(&l, arg[0], NOTIFY_KEY_CLEARED, 0);
		break;
	case KEYCTL_LINK:
		linked(&l, arg[1], arg[0]);
		break;
	case KEYCTL_UNLINK:
		add(&l, arg[1], NOTIFY_KEY_UNLINKED, (uint32_t)arg[0]);
		break;
	case KEYCTL_SEARCH:
		linked(&l, arg[3], call->result);
		break;
	case KEYCTL_MOVE:
		moved(&l);
		break;
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
		instantiated(&l, 0, arg[3]);
		break;
	case KEYCTL_NEGATE:
		instantiated(&l, ENOKEY, arg[2]);
		break;
	case KEYCTL_REJECT:
		instantiated(&l, (uint32_t)arg[2], arg[3]);
		break;
	case KEYCTL_GET_PERSISTENT:
		linked(&l, arg[1], call->result);
		break;
	case WQ_HOOK_ADD_KEY:
		if (call->is_made)
			linked(&l, arg[0], call->result);
		else
			add(&l, call->result, NOTIFY_KEY_UPDATED, 0);
		break;
	case WQ_HOOK_REQUEST_KEY:
		linked(&l, arg[0], call->result);
		break;
	default:
		break;
	}
	return l.n;
}
