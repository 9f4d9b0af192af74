/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who pays for what a hint makes us do. */
#include "keys/keys_internal.h"

#define GENERATIONS 8 /* that are asked for */

uid_t wq_keys_payer(struct wq_keys *keys, pid_t tid, uint64_t at_ns)
{
	const struct wq_task *task = wq_task_known(&keys->tasks, tid, 0);
	struct wq_ids ids;

	if (keys->sessions && wq_sessions_ids(keys->sessions, tid, at_ns, &ids))
		return ids.uid[WQ_ID_REAL];
	for (int i = 0; !task && tid && keys->sessions && i < GENERATIONS; i++) {
		tid = wq_sessions_parent(keys->sessions, tid);
		task = tid ? wq_task_known(&keys->tasks, tid, 0) : NULL;
	}
	return task ? task->ruid : WQ_UID_UNKNOWN;
}

const struct wq_task *wq_keys_ask_task(struct wq_keys *keys, pid_t tid, uint64_t at_ns)
{
	const struct wq_task *task = wq_task_known(&keys->tasks, tid, at_ns);
	struct wq_work work;

	if (task || !wq_keys_begin_work(&work, &keys->asking, wq_keys_payer(keys, tid, at_ns)))
		return task;
	task = wq_task_get(&keys->tasks, tid, at_ns);
	wq_keys_end_work(&work);
	return task;
}

bool wq_keys_begin_work(struct wq_work *work, struct wq_shares *shares, uid_t uid)
{
	*work = (struct wq_work){.shares = shares, .uid = uid};
	if (!wq_shares_left(shares, uid, wq_now_ns()))
		return false;
	work->began_ns = wq_budget_clock();
	return true;
}

void wq_keys_end_work(const struct wq_work *work)
{
	wq_shares_spend(work->shares, work->uid, wq_budget_clock() - work->began_ns);
}
