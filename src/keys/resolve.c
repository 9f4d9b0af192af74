/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/resolve.h"
#include "wqfs.h"

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

/* The serial of keyring ID as OP's thread meant it. 0: nobody watches it; below 0: unknown. */
static int32_t keyring(struct wq_resolve *r, const struct wq_operation *op, int32_t id)
{
	int32_t serial = 0;

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
		wq_sessions_learned(r->actors->sessions, op->tid, op->result);
}

/* Learns from OP, which a source has reported, who has which session keyring. */
static void observe(struct wq_resolve *r, const struct wq_operation *op)
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

/* Who did OP, with the help of the source's events of new threads and programs. */
static struct wq_cred who_did(struct wq_resolve *r, const struct wq_operation *op)
{
	struct wq_actors *a = r->actors;

	if (wq_task_needs_news(&a->tasks, op->tid, op->end_ns) &&
		wq_supervisor_ask_renewed(&r->model->sources)) {
		wq_actors_forget(a);
		wq_actors_lost(a);
	}
	return wq_task_who(&a->tasks, op->tid, op->begin_ns, op->end_ns);
}

/* May we believe U's resolution of argument ARG? A key that nobody watches does no harm. */
static bool believed(const struct wq_model *m, const struct wq_under_way *u, unsigned int arg)
{
	const struct wq_key *key = wq_registry_find(&m->registry, u->report.arg[arg]);

	return !key || wq_under_way_may_speak(u, arg, key);
}

/* Completes OP, which a source has reported, with what its thread reported before, as far as it
 * may say that: special keyrings, the key that add_key() may update, and who did it. */
static void explain(struct wq_resolve *r, struct wq_operation *op)
{
	const struct wq_under_way *u = wq_inflight_find(&r->model->inflight, op->tid);

	if (!u || !u->reported || u->report.op != op->op || u->report.begin_ns > op->begin_ns)
		return;
	for (unsigned int i = 0; i < WQ_OP_ARGS; i++)
		if (op->arg[i] < 0 && u->report.arg[i] > 0 && believed(r->model, u, i))
			op->arg[i] = u->report.arg[i];
	if (op->op == WQFS_REPORT_ADD_KEY)
		op->arg[1] = u->report.arg[1];
	/* else the process may have become another user since its report */
	if (!wq_model_has(r->model, WQ_SOURCE_IDENTITY) &&
		!wq_task_may_be_another(&r->actors->tasks, op->tid, u->report.begin_ns))
		op->who = u->report.who;
}

/* ---- what was meant ---- */

/* Resolves the special keyrings that are arguments of OP. */
static void resolve_keyrings(
	struct wq_resolve *r, const struct wq_operation *op, struct wq_meaning *m)
{
	const struct wq_operation_type *type = wq_operation_find(op->op);

	for (int i = 0; type && !type->silent && i < WQ_OP_ARGS; i++) {
		const enum wq_op_kind kind = type->arg[i].kind;

		if (op->arg[i] >= 0 || (kind != WQ_ARG_KEY && kind != WQ_ARG_RING))
			continue;
		m->is_special[i] = true;
		m->serial[i] = keyring(r, op, op->arg[i]);
	}
}

int32_t wq_meaning_of(const struct wq_meaning *m, const struct wq_operation *op, int32_t id)
{
	for (int i = 0; id < 0 && i < WQ_OP_ARGS; i++)
		if (m->is_special[i] && op->arg[i] == id)
			return m->serial[i];
	return id;
}

/* Does somebody watch ID, which is a key, or a special keyring that may be a watched one? */
static bool is_watched(const struct wq_model *m, int32_t id)
{
	return id <= 0 ? wq_rings_any(&m->registry.rings, id)
		       : wq_registry_find(&m->registry, id) != NULL;
}

/* The same for an argument of KIND. */
static bool is_watched_as(const struct wq_model *m, enum wq_op_kind kind, int32_t id)
{
	if (kind == WQ_ARG_NONE || kind == WQ_ARG_NUMBER || id == 0)
		return false;
	/* somebody else's special keyring may be any */
	return is_watched(m, kind == WQ_ARG_DEST && id < 0 ? 0 : id);
}

/* Might a watch get a record of OP, which has ended? */
static bool concerns(
	const struct wq_model *model, const struct wq_operation *op, const struct wq_meaning *m)
{
	const struct wq_operation_type *type = wq_operation_find(op->op);

	if (!type || type->silent)
		return false;
	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (is_watched_as(model, type->arg[i].kind,
			    m->is_special[i] && m->serial[i] >= 0 ? m->serial[i] : op->arg[i]))
			return true;
	if (wq_operation_posts_about(type, WQ_OP_RESULT) && op->result > 0 &&
		is_watched(model, op->result))
		return true;
	/* a new key is linked to a default keyring */
	return !TAILQ_EMPTY(&model->registry.zombies) ||
	       (op->op == WQFS_REPORT_REQUEST_KEY && is_watched(model, 0));
}

/* Finds who can have meant a keyring that could not be resolved. */
static void find_actor(
	struct wq_resolve *r, const struct wq_operation *op, struct wq_meaning *m)
{
	bool is_unknown = false, of_user = false;

	for (int i = 0; i < WQ_OP_ARGS; i++) {
		if (!m->is_special[i] || m->serial[i] >= 0)
			continue;
		is_unknown = true;
		of_user |= op->arg[i] == KEY_SPEC_USER_KEYRING ||
			   op->arg[i] == KEY_SPEC_USER_SESSION_KEYRING;
	}
	if (is_unknown)
		wq_actors_find(r->actors, op, of_user, &m->actor);
}

void wq_resolve(struct wq_resolve *r, struct wq_operation *op, struct wq_meaning *m)
{
	memset(m->is_special, 0, sizeof(m->is_special));
	m->actor.known = false;
	m->payer = WQ_UID_UNKNOWN;
	explain(r, op);
	m->who = op->who;
	if (op->result < 0)
		return;
	observe(r, op);
	resolve_keyrings(r, op, m);
	if (!concerns(r->model, op, m))
		return;
	if (!wq_model_has(r->model, WQ_SOURCE_IDENTITY)) {
		m->payer = wq_actors_payer(r->actors, op->tid, op->begin_ns);
		if (!m->who.pid)
			m->who = who_did(r, op);
	} else if (m->who.pid) {
		m->payer = m->who.uid;
	}
	find_actor(r, op, m);
}

void wq_resolve_reported(struct wq_resolve *r, const struct wq_operation *op,
	const struct wq_caller *caller, struct wq_meaning *m)
{
	memset(m->is_special, 0, sizeof(m->is_special));
	m->actor.known = false;
	m->payer = caller->uid;
	m->who = (struct wq_cred){0};
	if (op->result < 0)
		return;
	m->who = wq_actors_reporter(r->actors, caller);
	resolve_keyrings(r, op, m);
}

/* ---- what begins ---- */

/* Find out who it is at the beginning, because a short-lived process may soon be gone. */
void wq_resolve_begin(struct wq_resolve *r, const struct wq_operation *op)
{
	if (wq_model_has(r->model, WQ_SOURCE_IDENTITY) ||
		!wq_model_has(r->model, WQ_SOURCE_OPERATIONS))
		return;
	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (op->arg[i] && is_watched(r->model, op->arg[i])) {
			(void)wq_actors_ask(r->actors, op->tid, op->begin_ns);
			return;
		}
}

void wq_resolve_init(struct wq_resolve *r, struct wq_model *model, struct wq_actors *actors)
{
	r->model = model;
	r->actors = actors;
}
