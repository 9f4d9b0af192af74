/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Special keyrings in an operation: what they meant to the thread that used them. */
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/keys_internal.h"

#define ORIGINS	 8 /* generations that are asked for */
#define KTHREADD 2 /* which all kernel threads are children of */

/* The user whose keyrings H's thread has, in UID. False: it is gone, or in another user
 * namespace, which has keyrings of its own for the same user, or there is no time to ask. */
static bool real_user(struct wq_keys *keys, const struct wq_operation *h, uid_t *uid)
{
	uint64_t began = wq_budget_clock();
	const struct wq_task *task;

	if (!wq_budget_left(&keys->asking, wq_now_ns()))
		return false;
	/* not as it was a moment before: it may have become that user since. It becomes none
	 * while it is in the call, and may be gone right after it. */
	task = wq_task_get(&keys->tasks, h->tid, h->begin_ns);
	if (task)
		*uid = task->ruid;
	wq_budget_spend(&keys->asking, wq_budget_clock() - began);
	return task && task->our_userns;
}

/* The keyring PREFIX.UID of the real user of H's thread, which ID stands for. Who that is is
 * asked only where somebody watches such a keyring. */
static int32_t user_keyring(struct wq_keys *keys, const struct wq_operation *h, int32_t id,
	enum wq_ring_kind kind, const char *prefix)
{
	char name[32];
	uid_t uid;

	if (TAILQ_EMPTY(&keys->rings.of[kind]))
		return 0;
	if (!real_user(keys, h, &uid))
		return id;
	snprintf(name, sizeof(name), "%s.%u", prefix, uid);
	return wq_rings_user(&keys->rings, kind, name, uid);
}

int32_t wq_keys_special(struct wq_keys *keys, const struct wq_operation *h, int32_t id)
{
	int32_t serial = 0;

	switch (id) {
	case KEY_SPEC_SESSION_KEYRING:
		if (wq_keys_are_told(keys))
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

/* TID's task, or if it is gone that of who forked it, or who forked that: as a child it was one
 * of its users. NULL: they are gone, or root's, whose child may be anybody. */
static const struct wq_task *task_or_origin(
	struct wq_keys *keys, pid_t tid, const struct wq_operation *h)
{
	const struct wq_task *task = wq_task_recent(&keys->tasks, tid, h->end_ns);

	for (int i = 0; !task && wq_keys_are_told(keys) && i < ORIGINS; i++) {
		tid = wq_sessions_parent(keys->sessions, tid);
		if (!tid)
			return NULL;
		task = wq_task_get(&keys->tasks, tid, h->end_ns);
		if (task && task->ruid == 0)
			return NULL;
	}
	return task;
}

void wq_keys_actor(
	struct wq_keys *keys, const struct wq_operation *h, int32_t id, struct wq_actor *actor)
{
	const bool is_users =
		id == KEY_SPEC_USER_KEYRING || id == KEY_SPEC_USER_SESSION_KEYRING;
	const struct wq_task *task = task_or_origin(keys, h->tid, h);

	*actor = (struct wq_actor){.known = task != NULL, .inner_uid = WQ_UID_UNKNOWN};
	if (!task)
		return;
	actor->task = *task;
	actor->inner_uid = task->ruid;
	if (task->tid != h->tid || !is_users || !wq_task_inner_uid(h->tid, &actor->inner_uid))
		actor->inner_uid = WQ_UID_UNKNOWN;
}

/* The parent takes the session over when it next returns from the kernel. */
static void session_to_parent(struct wq_keys *keys, const struct wq_operation *h)
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
static bool stands_in(struct wq_keys *keys, const struct wq_operation *h, int32_t serial)
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

static void keyring_id(struct wq_keys *keys, const struct wq_operation *h)
{
	if (h->arg[0] != KEY_SPEC_SESSION_KEYRING)
		return;
	if (h->arg[1]) /* it may have been made by this */
		wq_sessions_joined(keys->sessions, h->tid, h->result);
	else if (!stands_in(keys, h, h->result))
		wq_sessions_told(keys->sessions, h->tid, h->result);
}

void wq_keys_learn(struct wq_keys *keys, const struct wq_operation *h)
{
	if (!wq_keys_are_told(keys))
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

/* Kernel threads have no session that anybody is told; what they start has a new one. */
static bool is_kernel_thread(struct wq_keys *keys, pid_t tid)
{
	const struct wq_task *task = wq_task_recent(&keys->tasks, tid, wq_now_ns());

	return tid == KTHREADD || (task && task->parent == KTHREADD);
}

void wq_keys_forked(struct wq_keys *keys, pid_t parent, pid_t child)
{
	if (!wq_sessions_has(keys->sessions, parent) && is_kernel_thread(keys, parent))
		wq_sessions_began(keys->sessions, child);
	else
		wq_sessions_forked(keys->sessions, parent, child);
}
