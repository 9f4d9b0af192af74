/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Special keyrings in a hint: what they meant to the thread that used them. */
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>

#include "keys_internal.h"

/* The only watched keyring of that description that belongs to UID: its serial; 0: there
 * is none; -1: there are several, since a user can make one of the same description. */
static int32_t user_keyring(const struct wq_keys *keys, const char *prefix, uid_t uid)
{
	char want[32];
	const struct wq_key *key;
	int32_t found = 0;

	snprintf(want, sizeof(want), "%s.%u", prefix, uid);
	TAILQ_FOREACH (key, &keys->all, node) {
		if (key->state.uid != uid || !wq_key_is_type(&key->state, "keyring") ||
			strcmp(wq_key_description(&key->state), want))
			continue;
		if (found)
			return -1;
		found = key->serial;
	}
	return found;
}

int32_t wq_keys_special(struct wq_keys *keys, const struct wq_hint *h, int32_t id)
{
	const struct wq_task *task;
	int32_t serial;

	if (id >= 0)
		return id;
	task = wq_task_get(&keys->tasks, h->tid, h->end_ns);
	switch (id) {
	case KEY_SPEC_SESSION_KEYRING:
		serial = keys->sessions ? wq_sessions_find(keys->sessions, h->tid, task,
						  &keys->tasks, h->end_ns)
					: 0;
		return serial ? serial : id;
	case KEY_SPEC_USER_KEYRING:
		return task ? user_keyring(keys, "_uid", task->ruid) : id;
	case KEY_SPEC_USER_SESSION_KEYRING:
		return task ? user_keyring(keys, "_uid_ses", task->ruid) : id;
	default:
		return id;
	}
}

/* The parent takes the session over when it next returns from the kernel. */
static void session_to_parent(struct wq_keys *keys, const struct wq_hint *h)
{
	const struct wq_task *task = wq_task_get(&keys->tasks, h->tid, h->end_ns);
	pid_t parent = task ? task->parent : 0;
	int32_t session = wq_keys_special(keys, h, KEY_SPEC_SESSION_KEYRING);

	if (parent)
		wq_sessions_joined(
			keys->sessions, parent, session > 0 ? session : 0, h->end_ns);
}

static void keyring_id(struct wq_keys *keys, const struct wq_hint *h)
{
	const struct wq_task *task;

	if (h->arg[0] != KEY_SPEC_SESSION_KEYRING)
		return;
	task = wq_task_get(&keys->tasks, h->tid, h->end_ns);
	if (task)
		wq_sessions_told(keys->sessions, task, h->result, h->end_ns);
}

void wq_keys_learn(struct wq_keys *keys, const struct wq_hint *h)
{
	if (!keys->sessions)
		return;
	switch (h->op) {
	case KEYCTL_JOIN_SESSION_KEYRING:
		wq_sessions_joined(keys->sessions, h->tid, h->result, h->end_ns);
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
