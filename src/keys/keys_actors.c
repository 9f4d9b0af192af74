/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who did what the trace tells of: the users of each thread are read once, and then followed,
 * so that they are known of those too who are gone.
 */
#include <linux/keyctl.h>
#include <string.h>

#include "base/container.h"
#include "keys/keys_internal.h"

#define KTHREADD 2		   /* which all kernel threads are children of */
#define FIRST_NS (100 * NS_PER_MS) /* at the start nobody waits yet */
#define PAUSE	 19		   /* times what a slice took */
#define PASS_NS	 (5ull * NS_PER_S) /* from one walk over all threads to the next */

static bool is_kernels(const struct wq_task *task)
{
	return task->tid == KTHREADD || task->parent == KTHREADD;
}

/* Kernel threads have no session that anybody is told; what they start has a new one. */
static bool is_kernel_thread(struct wq_keys *keys, pid_t tid)
{
	const struct wq_task *task = wq_task_recent(&keys->tasks, tid, wq_now_ns());

	return tid == KTHREADD || (task && is_kernels(task));
}

static struct wq_ids ids_of(const struct wq_task *task)
{
	struct wq_ids ids = {.is_sure = task->our_userns, .has_mapped = !task->our_userns};

	memcpy(ids.uid, task->uids, sizeof(ids.uid));
	return ids;
}

/* ---- one thread ---- */

/* Reads TID's users, unless those have too much time go into asking. */
static void read_ids(struct wq_keys *keys, pid_t tid)
{
	const struct wq_task *task = wq_keys_ask_task(keys, tid, wq_now_ns());

	if (task) {
		const struct wq_ids ids = ids_of(task);

		wq_sessions_ids_read(keys->sessions, tid, &ids, wq_now_ns());
	}
}

void wq_keys_forked(struct wq_keys *keys, pid_t parent, pid_t child, uint64_t at_ns)
{
	const bool known = wq_sessions_has(keys->sessions, parent);

	if (!known && is_kernel_thread(keys, parent)) {
		wq_sessions_began(keys->sessions, child);
		return;
	}
	if (wq_sessions_ids_wanted(keys->sessions, parent))
		read_ids(keys, parent);
	wq_sessions_forked(keys->sessions, parent, child, at_ns);
	if (!known && wq_sessions_ids_wanted(keys->sessions, child))
		read_ids(keys, child); /* its parent may be gone already */
}

void wq_keys_ids_changed(struct wq_keys *keys, pid_t tid, enum wq_ids_change change,
	const uid_t ids[WQ_IDS_ARGS])
{
	if (!wq_sessions_ids_changed(keys->sessions, tid, change, ids))
		read_ids(keys, tid);
}

/* ---- all threads ---- */

/* What is known of T is worth a walk's reading; kernel threads are told apart by not being
 * known. */
static void take_in(struct wq_keys *keys, pid_t tid)
{
	struct wq_task task;
	struct wq_ids ids;

	if (!wq_sessions_ids_wanted(keys->sessions, tid) || !wq_task_read(tid, &task) ||
		is_kernels(&task))
		return;
	ids = ids_of(&task);
	wq_sessions_ids_read(keys->sessions, tid, &ids, wq_now_ns());
}

/* Goes on for ALLOWED_NS; then a pause that leaves others most of the core. */
static void walk(struct wq_keys *keys, uint64_t allowed_ns)
{
	uint64_t began = wq_now_ns(), now = began;
	pid_t tid = 1;

	while (now - began < allowed_ns && (tid = wq_threads_next(&keys->threads))) {
		take_in(keys, tid);
		now = wq_now_ns();
	}
	if (tid)
		wq_timer_set(keys->loop, &keys->threads_timer, now + PAUSE * (now - began));
}

static void on_threads_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, threads_timer);

	if (!keys->threads.processes) {
		keys->threads_ns = wq_now_ns();
		wq_threads_begin(&keys->threads);
	}
	walk(keys, SLICE_NS);
}

void wq_keys_actors_lost(struct wq_keys *keys)
{
	uint64_t now = wq_now_ns(), due = keys->threads_ns + PASS_NS;

	if (!keys->threads_timer.set)
		wq_timer_set(keys->loop, &keys->threads_timer, due > now ? due : now);
}

void wq_keys_actors_begin(struct wq_keys *keys)
{
	keys->threads_timer.fire = on_threads_timer;
	keys->threads_ns = wq_now_ns();
	if (wq_threads_begin(&keys->threads))
		walk(keys, FIRST_NS);
}

void wq_keys_actors_end(struct wq_keys *keys)
{
	wq_timer_clear(keys->loop, &keys->threads_timer);
	wq_threads_end(&keys->threads);
}

/* ---- who it was ---- */

bool wq_keys_real_user(struct wq_keys *keys, const struct wq_hint *h, uid_t *uid)
{
	const struct wq_task *task;
	struct wq_ids ids;

	if (keys->sessions && wq_sessions_ids(keys->sessions, h->tid, h->begin_ns, &ids) &&
		ids.is_sure) {
		*uid = ids.uid[WQ_ID_REAL];
		return true;
	}
	/* not as it was a moment before: it may have become that user since. It becomes none
	 * while it is in the call, and may be gone right after it. */
	task = wq_keys_ask_task(keys, h->tid, h->begin_ns);
	if (task)
		*uid = task->ruid;
	return task && task->our_userns;
}

/* What was followed of A's users counts: what was read is of another moment. */
static void use_ids(struct wq_actor *a, const struct wq_ids *ids)
{
	struct wq_task *task = &a->task;

	if (!memcmp(task->uids, ids->uid, sizeof(task->uids)))
		return;
	memcpy(task->uids, ids->uid, sizeof(task->uids));
	task->ruid = ids->uid[WQ_ID_REAL];
	task->uid = ids->uid[WQ_ID_FS];
	task->gid = (gid_t)-1;
	task->more_groups = true;
}

void wq_keys_actor(
	struct wq_keys *keys, const struct wq_hint *h, int32_t id, struct wq_actor *actor)
{
	const bool is_users =
		id == KEY_SPEC_USER_KEYRING || id == KEY_SPEC_USER_SESSION_KEYRING;
	const struct wq_task *task = wq_task_recent(&keys->tasks, h->tid, h->end_ns);
	struct wq_ids ids;
	bool has_ids =
		keys->sessions && wq_sessions_ids(keys->sessions, h->tid, h->begin_ns, &ids);

	*actor = (struct wq_actor){.known = task || has_ids, .inner_uid = WQ_UID_UNKNOWN};
	if (task)
		actor->task = *task;
	if (has_ids && (!task || (ids.is_sure && !ids.has_executed)))
		use_ids(actor, &ids);
	actor->has_mapped = has_ids && !task && ids.has_mapped;
	actor->may_have_changed = has_ids && !task && !ids.is_sure;
	if (keys->sessions)
		actor->origin = wq_sessions_origin(keys->sessions, h->tid);
	if (!is_users)
		return;
	actor->inner_uid = actor->task.ruid;
	if (!(has_ids && ids.is_sure) &&
		!(task && wq_task_inner_uid(h->tid, &actor->inner_uid)))
		actor->inner_uid = WQ_UID_UNKNOWN;
}
