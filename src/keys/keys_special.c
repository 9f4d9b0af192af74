/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Special keyrings in a hint: what they meant to the thread that used them. */
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/keys_internal.h"

/* The keyring PREFIX.UID of the real user of H's thread, which ID stands for. Who that is is
 * asked only where somebody watches such a keyring. */
static int32_t user_keyring(struct wq_keys *keys, const struct wq_hint *h, int32_t id,
	enum wq_ring_kind kind, const char *prefix)
{
	char name[32];
	uid_t uid;

	if (TAILQ_EMPTY(&keys->rings.of[kind]))
		return 0;
	if (!wq_keys_real_user(keys, h, &uid))
		return id;
	snprintf(name, sizeof(name), "%s.%u", prefix, uid);
	return wq_rings_user(&keys->rings, kind, name, uid);
}

int32_t wq_keys_special(struct wq_keys *keys, const struct wq_hint *h, int32_t id)
{
	int32_t serial = 0;

	switch (id) {
	case KEY_SPEC_SESSION_KEYRING:
		if (keys->sessions)
			serial = wq_sessions_find(keys->sessions, h->tid);
		return serial ? serial : id;
	case KEY_SPEC_USER_KEYRING:
		return user_keyring(keys, h, id, WQ_RING_USER, "_uid");
	case KEY_SPEC_USER_SESSION_KEYRING:
		return user_keyring(keys, h, id, WQ_RING_USER_SESSION, "_uid_ses");
	default:
		return id;
	}
}

/* The parent takes the session over when it next returns from the kernel. */
static void session_to_parent(struct wq_keys *keys, const struct wq_hint *h)
{
	const struct wq_task *task = wq_task_get(&keys->tasks, h->tid, h->end_ns);

	if (task)
		wq_sessions_joined(
			keys->sessions, task->parent, wq_sessions_find(keys->sessions, h->tid));
	else
		wq_sessions_lost_parent(keys->sessions, h->tid);
}

/* A user session keyring stands in where there is no session: the first operation that puts
 * something into it makes a session, for its thread alone, without a word. */
static bool stands_in(struct wq_keys *keys, const struct wq_hint *h, int32_t serial)
{
	static const char prefix[] = "_uid_ses.";
	const struct wq_task *task = wq_task_get(&keys->tasks, h->tid, h->end_ns);
	struct wq_key_state *s = &keys->scratch;
	struct wq_look_as as = {0};

	if (task && task->uid != geteuid()) /* only root traces */
		as = (struct wq_look_as){.other = true, .uid = task->uid, .gid = task->gid};
	return wq_look_describe(keys->look, &as, serial, s) < 0 || s->life != WQ_KEY_ALIVE ||
	       !strncmp(wq_key_description(s), prefix, strlen(prefix));
}

static void keyring_id(struct wq_keys *keys, const struct wq_hint *h)
{
	if (h->arg[0] != KEY_SPEC_SESSION_KEYRING)
		return;
	if (h->arg[1]) /* it may have been made by this */
		wq_sessions_joined(keys->sessions, h->tid, h->result);
	else if (!stands_in(keys, h, h->result))
		wq_sessions_told(keys->sessions, h->tid, h->result);
}

void wq_keys_learn(struct wq_keys *keys, const struct wq_hint *h)
{
	if (!keys->sessions)
		return;
	switch (h->op) {
	case KEYCTL_JOIN_SESSION_KEYRING:
		wq_sessions_joined(keys->sessions, h->tid, h->result);
		break;
	case KEYCTL_SESSION_TO_PARENT:
		session_to_parent(keys, h);
		break;
	case KEYCTL_GET_KEYRING_ID:
		keyring_id(keys, h);
		break;
	default:
		break;
	}
}
