/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/container.h"
#include "base/task.h"
#include "fuse/answered.h"

#define CHECK_NS 200000u /* from a look at readers that were answered to the next */
#define CHECKS	 100	 /* of one that still waits for a CPU: then nobody knows */

struct wqfs_answer wqfs_answer_begins(pid_t tid)
{
	return (struct wqfs_answer){.tid = tid, .runs = wq_task_runs(tid)};
}

static void forget(struct wqfs_answer *a)
{
	if (a->queue)
		wq_queue_put(a->queue);
	a->queue = NULL;
}

/* Does A still have to be looked at? */
static bool check(struct wqfs_answer *a)
{
	switch (wq_task_fate(a->tid)) {
	case WQ_TASK_KILLED:
		wq_queue_note_loss(a->queue);
		return false;
	case WQ_TASK_ENDED:
		return false;
	case WQ_TASK_LIVES:
		break;
	}
	return wq_task_runs(a->tid) == a->runs && ++a->checks < CHECKS;
}

static void on_timer(struct wq_timer *timer)
{
	struct wqfs *fs = wq_container_of(timer, struct wqfs, answers_timer);
	bool more = false;

	for (unsigned int i = 0; i < WQFS_ANSWERS; i++) {
		struct wqfs_answer *a = &fs->answers[i];

		if (a->queue && !check(a))
			forget(a);
		more |= a->queue != NULL;
	}
	if (more)
		wq_timer_set(fs->loop, timer, wq_now_ns() + CHECK_NS);
}

void wqfs_answer_given(
	struct wqfs *fs, const struct wqfs_answer *answer, struct wq_queue *queue)
{
	struct wqfs_answer *a = &fs->answers[fs->answers_next++ % WQFS_ANSWERS];

	forget(a); /* the oldest: too many readers for all of them to be followed */
	*a = *answer;
	a->queue = wq_queue_get(queue);
	fs->answers_timer.fire = on_timer;
	if (!fs->answers_timer.set)
		wq_timer_set(fs->loop, &fs->answers_timer, wq_now_ns() + CHECK_NS);
}

void wqfs_answer_arrived(struct wqfs *fs, pid_t tid)
{
	for (unsigned int i = 0; i < WQFS_ANSWERS; i++)
		if (fs->answers[i].queue && fs->answers[i].tid == tid)
			forget(&fs->answers[i]);
}

void wqfs_answers_fini(struct wqfs *fs)
{
	for (unsigned int i = 0; i < WQFS_ANSWERS; i++)
		forget(&fs->answers[i]);
	wq_timer_clear(fs->loop, &fs->answers_timer);
}
