/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/container.h"
#include "keys/actors.h"

#define GENERATIONS 8 /* how many ancestors we ask for somebody who pays */

#define KTHREADD 2			  /* the parent of all kernel threads */
#define FIRST_NS (100 * WQ_NSEC_PER_MSEC) /* the time at the start, when nobody waits yet */
/* How many times longer than a slice the pause after it is. */
#define PAUSE 19
/* The time from one walk over all threads to the next. */
#define PASS_NS (5ull * WQ_NSEC_PER_SEC)

static bool is_kernels(const struct wq_task *task)
{
	return task->tid == KTHREADD || task->parent == KTHREADD;
}

/* We cannot learn the sessions of kernel threads; the programs that they start
 * have new ones. */
static bool is_kernel_thread(struct wq_actors *a, pid_t tid)
{
	const struct wq_task *task = wq_task_recent(&a->tasks, tid, wq_now_ns());

	return tid == KTHREADD || (task && is_kernels(task));
}

static struct wq_ids ids_of(const struct wq_task *task)
{
	struct wq_ids ids = {.is_sure = task->our_userns,
		.has_mapped = !task->our_userns,
		.knows_mapped = task->knows_mapped,
		.mapped = task->mapped};

	memcpy(ids.uid, task->uids, sizeof(ids.uid));
	return ids;
}

/* The users whom a thread with IDS can have become in a user namespace of its own. If root is
 * one of IDS, root can have mapped anybody. */
static struct wq_uid_range mapped_of(const struct wq_ids *ids)
{
	if (!ids->has_mapped)
		return (struct wq_uid_range){0};
	if (ids->knows_mapped)
		return ids->mapped;
	return wq_ids_have(ids, 0) ? WQ_ALL_MAPPED : wq_mapped_by_users();
}

/* ---- who pays ---- */

uid_t wq_actors_payer(struct wq_actors *a, pid_t tid, uint64_t at_ns)
{
	const struct wq_task *task = wq_task_known(&a->tasks, tid, 0);
	struct wq_ids ids;

	if (wq_sessions_ids(a->sessions, tid, at_ns, &ids))
		return ids.uid[WQ_ID_REAL];
	for (int i = 0; !task && tid && i < GENERATIONS; i++) {
		tid = wq_sessions_parent(a->sessions, tid);
		task = tid ? wq_task_known(&a->tasks, tid, 0) : NULL;
	}
	return task ? task->ruid : WQ_UID_UNKNOWN;
}

const struct wq_task *wq_actors_ask(struct wq_actors *a, pid_t tid, uint64_t at_ns)
{
	const struct wq_task *task = wq_task_known(&a->tasks, tid, at_ns);
	struct wq_work work;

	if (task || !wq_work_begin(&work, &a->asking, wq_actors_payer(a, tid, at_ns)))
		return task;
	task = wq_task_get(&a->tasks, tid, at_ns);
	wq_work_end(&work);
	return task;
}

/* ---- one thread ---- */

static void take_ids(struct wq_actors *a, const struct wq_task *task)
{
	if (task) {
		const struct wq_ids ids = ids_of(task);

		wq_sessions_ids_read(a->sessions, task->tid, &ids, wq_now_ns());
	}
}

/* Reads the users of TID, unless its user has no time left for that. */
static void read_ids(struct wq_actors *a, pid_t tid)
{
	take_ids(a, wq_actors_ask(a, tid, wq_now_ns()));
}

/* TID existed at AT_NS. If nothing is known of it, its users are read even if its user has no
 * time left: otherwise a user could use up that time, and all that TID forks would be taken for
 * anybody. One reading is enough, since the children inherit what is known. */
static void follow_ids(struct wq_actors *a, pid_t tid, uint64_t at_ns)
{
	struct wq_ids ids;

	if (!wq_sessions_ids(a->sessions, tid, at_ns, &ids))
		take_ids(a, wq_task_get(&a->tasks, tid, at_ns));
	else if (wq_sessions_ids_wanted(a->sessions, tid))
		read_ids(a, tid);
}

void wq_actors_forked(struct wq_actors *a, pid_t parent, pid_t child, uint64_t at_ns)
{
	const bool known = wq_sessions_has(a->sessions, parent);

	if (!known && is_kernel_thread(a, parent)) {
		wq_sessions_began(a->sessions, child);
		return;
	}
	follow_ids(a, parent, at_ns);
	wq_sessions_forked(a->sessions, parent, child, at_ns);
	if (!known)
		follow_ids(a, child, at_ns); /* its parent may have ended already */
}

void wq_actors_ids_changed(
	struct wq_actors *a, pid_t tid, enum wq_ids_change change, const uid_t ids[WQ_IDS_ARGS])
{
	if (!wq_sessions_ids_changed(a->sessions, tid, change, ids))
		read_ids(a, tid);
}

/* ---- all threads ---- */

/* Remembers T, which a walk has read. Kernel threads are recognized because they are not
 * remembered. */
static void remember(struct wq_actors *a, pid_t tid)
{
	struct wq_task task;
	struct wq_ids ids;

	if (!wq_sessions_ids_wanted(a->sessions, tid) || !wq_task_read(&a->tasks, tid, &task) ||
		is_kernels(&task))
		return;
	ids = ids_of(&task);
	wq_sessions_ids_read(a->sessions, tid, &ids, wq_now_ns());
}

/* Walks for ALLOWED_NS; then pauses so that others get most of the core. */
static void walk(struct wq_actors *a, uint64_t allowed_ns)
{
	uint64_t began = wq_now_ns(), now = began;
	pid_t tid = 1;

	while (now - began < allowed_ns && (tid = wq_threads_next(&a->threads))) {
		remember(a, tid);
		now = wq_now_ns();
	}
	if (tid)
		wq_timer_set(a->loop, &a->threads_timer, now + PAUSE * (now - began));
	else if (a->lost_on_the_way)
		wq_timer_set(a->loop, &a->threads_timer, a->threads_ns + PASS_NS);
	if (!tid)
		a->lost_on_the_way = false;
}

static void on_threads_timer(struct wq_timer *timer)
{
	struct wq_actors *a = wq_container_of(timer, struct wq_actors, threads_timer);

	if (!a->threads.processes) {
		a->threads_ns = wq_now_ns();
		wq_threads_begin(&a->threads);
	}
	walk(a, WQ_PIECE_NS);
}

void wq_actors_lost(struct wq_actors *a)
{
	uint64_t now = wq_now_ns(), due = a->threads_ns + PASS_NS;

	if (a->threads.processes)
		a->lost_on_the_way = true;
	else if (!a->threads_timer.set)
		wq_timer_set(a->loop, &a->threads_timer, due > now ? due : now);
}

void wq_actors_begin(struct wq_actors *a)
{
	a->threads_ns = wq_now_ns();
	if (wq_threads_begin(&a->threads))
		walk(a, FIRST_NS);
}

void wq_actors_end(struct wq_actors *a)
{
	wq_timer_clear(a->loop, &a->threads_timer);
	a->lost_on_the_way = false;
	wq_threads_end(&a->threads);
}

/* ---- who it was ---- */

bool wq_actors_real_user(struct wq_actors *a, const struct wq_operation *op, uid_t *uid)
{
	const struct wq_task *task;
	struct wq_ids ids;

	if (wq_sessions_ids(a->sessions, op->tid, op->begin_ns, &ids) && ids.is_sure) {
		*uid = ids.uid[WQ_ID_REAL];
		return true;
	}
	/* The users are read now and not earlier, because the thread may have changed them
	 * since. It cannot change them during the call, and may end right after it. */
	task = wq_actors_ask(a, op->tid, op->begin_ns);
	if (task)
		*uid = task->ruid;
	return task && task->our_userns;
}

/* If A's users have been followed, that counts: what was read belongs to another moment. */
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

void wq_actors_find(struct wq_actors *a, const struct wq_operation *op, bool of_user,
	struct wq_actor *actor)
{
	const struct wq_task *task = wq_task_recent(&a->tasks, op->tid, op->end_ns);
	const struct wq_ids *origin = wq_sessions_origin(a->sessions, op->tid);
	struct wq_ids ids;
	bool has_ids = wq_sessions_ids(a->sessions, op->tid, op->begin_ns, &ids);

	*actor = (struct wq_actor){.known = task || has_ids, .inner_uid = WQ_UID_UNKNOWN};
	if (task)
		actor->task = *task;
	if (has_ids && (!task || (ids.is_sure && !ids.has_executed)))
		use_ids(actor, &ids);
	if (has_ids && !task)
		actor->mapped = mapped_of(&ids);
	actor->may_have_changed = has_ids && !task && !ids.is_sure;
	actor->has_origin = origin != NULL;
	if (origin)
		actor->origin = *origin;
	if (!of_user)
		return;
	if (has_ids && ids.is_sure)
		actor->inner_uid = actor->task.ruid;
	else if (!task || !wq_mapped_inner(op->tid, actor->task.ruid, &actor->inner_uid))
		actor->inner_uid = WQ_UID_UNKNOWN;
}

/* ---- who did something ---- */

struct wq_cred wq_actors_reporter(struct wq_actors *a, const struct wq_caller *caller)
{
	struct wq_cred who = {.uid = caller->uid, .gid = caller->gid};
	const struct wq_task *task =
		caller->pid ? wq_task_get(&a->tasks, caller->pid, wq_now_ns()) : NULL;

	if (task) {
		who.pid = task->tgid;
		memcpy(who.comm, task->comm, sizeof(who.comm));
	}
	return who;
}

/* ---- life ---- */

int wq_actors_init(struct wq_actors *a, struct wq_loop *loop)
{
	a->loop = loop;
	a->threads_timer.fire = on_threads_timer;
	a->sessions = wq_sessions_new();
	return a->sessions ? 0 : -ENOMEM;
}

void wq_actors_fini(struct wq_actors *a)
{
	wq_actors_end(a);
	wq_sessions_free(a->sessions);
	a->sessions = NULL;
	wq_tasks_fini(&a->tasks);
}

void wq_actors_forget(struct wq_actors *a)
{
	if (a->sessions) /* there may have been no memory for it */
		wq_sessions_forget(a->sessions);
	wq_task_renewals_lost(&a->tasks.renewals);
}

void wq_actors_ids_lost(struct wq_actors *a)
{
	wq_sessions_ids_lost(a->sessions);
	wq_actors_lost(a);
}
