/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/resolve.h"

/* The keyring PREFIX.UID of the real user of OP's thread, which ID stands for. Finds that user
 * only if somebody watches such a keyring. */
static int32_t user_keyring(struct wq_resolve *r, const struct wq_operation *op, int32_t id,
	enum wq_ring_kind kind, const char *prefix)
{
	char name[32];
	uid_t uid;

	if (TAILQ_EMPTY(&r->model->registry.rings.of[kind]))
		return 0;
	if (!wq_actors_real_user(r->actors, op, &uid))
		return id;
	snprintf(name, sizeof(name), "%s.%u", prefix, uid);
	return wq_rings_user(&r->model->registry.rings, kind, name, uid);
}

int32_t wq_resolve_keyring(struct wq_resolve *r, const struct wq_operation *op, int32_t id)
{
	int32_t serial = 0;

	if (op->is_resolved)
		return id > 0 ? id : 0;
	switch (id) {
	case KEY_SPEC_SESSION_KEYRING:
		if (wq_model_has(r->model, WQ_SOURCE_OPERATIONS))
			serial = wq_sessions_find(r->actors->sessions, op->tid);
		return serial ? serial : id;
	case KEY_SPEC_USER_KEYRING:
		return user_keyring(r, op, id, WQ_RING_USER, "_uid");
	case KEY_SPEC_USER_SESSION_KEYRING:
		return user_keyring(r, op, id, WQ_RING_USER_SESSION, "_uid_ses");
	default:
		return id;
	}
}

/* The parent gets the session keyring when it next returns to user space. */
static void session_to_parent(struct wq_resolve *r, const struct wq_operation *op)
{
	const struct wq_task *task = wq_task_get(&r->actors->tasks, op->tid, op->end_ns);

	if (task)
		wq_sessions_joined(r->actors->sessions, task->parent,
			wq_sessions_find(r->actors->sessions, op->tid));
	else
		wq_sessions_lost_parent(r->actors->sessions, op->tid);
}

/* A user session keyring is used where there is no session keyring. The first operation that
 * puts something into it silently makes a session keyring for its thread alone. */
static bool stands_in(struct wq_resolve *r, const struct wq_operation *op, int32_t serial)
{
	static const char prefix[] = "_uid_ses.";
	const struct wq_task *task = wq_task_get(&r->actors->tasks, op->tid, op->end_ns);
	struct wq_key_state *s = &r->model->scratch;
	struct wq_view_cred as = {0};

	if (task && task->uid != geteuid()) /* only root traces */
		as = (struct wq_view_cred){.other = true, .uid = task->uid, .gid = task->gid};
	return wq_key_reader_describe(r->model->reader, &as, serial, s) < 0 ||
	       s->life != WQ_KEY_ALIVE ||
	       !strncmp(wq_key_description(s), prefix, strlen(prefix));
}

static void keyring_id(struct wq_resolve *r, const struct wq_operation *op)
{
	if (op->arg[0] != KEY_SPEC_SESSION_KEYRING)
		return;
	if (op->arg[1]) /* this operation may have made it */
		wq_sessions_joined(r->actors->sessions, op->tid, op->result);
	else if (!stands_in(r, op, op->result))
		wq_sessions_told(r->actors->sessions, op->tid, op->result);
}

void wq_resolve_observe(struct wq_resolve *r, const struct wq_operation *op)
{
	if (!wq_model_has(r->model, WQ_SOURCE_OPERATIONS))
		return;
	switch (op->op) {
	case KEYCTL_JOIN_SESSION_KEYRING:
		wq_sessions_joined(r->actors->sessions, op->tid, op->result);
		break;
	case KEYCTL_SESSION_TO_PARENT:
		session_to_parent(r, op);
		break;
	case KEYCTL_GET_KEYRING_ID:
		keyring_id(r, op);
		break;
	default:
		break;
	}
}

/* ---- who ---- */

static void ask_renewed(void *arg)
{
	wq_supervisor_ask_renewed(&((struct wq_resolve *)arg)->model->sources);
}

struct wq_cred wq_resolve_who(
	struct wq_resolve *r, pid_t tid, uint64_t begin_ns, uint64_t end_ns)
{
	return wq_task_who(&r->actors->tasks, tid, begin_ns, end_ns, ask_renewed, r);
}

/* May we believe U's resolution of argument ARG? A key that nobody watches does no harm. */
static bool believed(const struct wq_model *m, const struct wq_under_way *u, unsigned int arg)
{
	const struct wq_key *key = wq_registry_find(&m->registry, u->report.arg[arg]);

	return !key || wq_under_way_may_speak(u, arg, key);
}

void wq_resolve_explain(
	struct wq_resolve *r, const struct wq_under_way *u, struct wq_operation *op)
{
	if (!u || !u->reported || u->report.op != op->op || u->report.begin_ns > op->begin_ns)
		return;
	for (unsigned int i = 0; i < WQ_OP_ARGS; i++)
		if (!op->is_resolved && op->arg[i] < 0 && u->report.arg[i] > 0 &&
			believed(r->model, u, i))
			op->arg[i] = u->report.arg[i];
	if (op->op == WQFS_REPORT_ADD_KEY && op->made == WQ_MADE_UNKNOWN)
		op->arg[1] = u->report.arg[1];
	/* else the process may have become another user since its report */
	if (!wq_model_has(r->model, WQ_SOURCE_IDENTITY) &&
		!wq_task_may_be_another(&r->actors->tasks, op->tid, u->report.begin_ns))
		op->who = u->report.who;
}

void wq_resolve_init(struct wq_resolve *r, struct wq_model *model, struct wq_actors *actors)
{
	r->model = model;
	r->actors = actors;
}
