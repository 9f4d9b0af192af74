/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/container.h"
#include "fuse/answered.h"

#define CHECK_NS 200000u /* the time between two checks of readers that were answered */
/* The checks of one that still waits for a CPU; after that it is unknown. */
#define CHECKS 100

struct wqfs_answer wqfs_answer_begins(struct wqfs *fs, pid_t tid)
{
	return (struct wqfs_answer){.tid = tid, .runs = wq_lives_runs(&fs->lives, tid)};
}

/* Must A be checked again? */
static bool check(struct wqfs *fs, struct wqfs_answer *a)
{
	struct wq_node *node = wq_namespace_inode(&fs->ns, a->ino);

	if (!node)
		return false;
	switch (wq_lives_fate(&fs->lives, a->tid)) {
	case WQ_LIFE_KILLED:
		wq_queue_note_loss(node->queue);
		return false;
	case WQ_LIFE_ENDED:
		return false;
	case WQ_LIFE_GOES_ON:
		break;
	}
	return a->runs && wq_lives_runs(&fs->lives, a->tid) == a->runs && ++a->checks < CHECKS;
}

static void on_timer(struct wq_timer *timer)
{
	struct wqfs *fs = wq_container_of(timer, struct wqfs, answers_timer);
	bool more = false;

	for (unsigned int i = 0; i < WQFS_ANSWERS; i++) {
		struct wqfs_answer *a = &fs->answers[i];

		if (a->ino && !check(fs, a))
			a->ino = 0;
		more |= a->ino != 0;
	}
	if (more)
		wq_timer_set(fs->loop, timer, wq_now_ns() + CHECK_NS);
}

void wqfs_answer_given(struct wqfs *fs, const struct wqfs_answer *answer, uint64_t ino)
{
	/* replaces the oldest if there are too many readers to follow all of them */
	struct wqfs_answer *a = &fs->answers[fs->answers_next++ % WQFS_ANSWERS];

	if (answer->tid <= 0) /* it is in a pid namespace that we do not see */
		return;
	*a = *answer;
	a->ino = ino;
	fs->answers_timer.fire = on_timer;
	if (!fs->answers_timer.set)
		wq_timer_set(fs->loop, &fs->answers_timer, wq_now_ns() + CHECK_NS);
}

void wqfs_answer_arrived(struct wqfs *fs, pid_t tid)
{
	bool more = false;

	for (unsigned int i = 0; i < WQFS_ANSWERS; i++) {
		if (fs->answers[i].tid == tid)
			fs->answers[i].ino = 0;
		more |= fs->answers[i].ino != 0;
	}
	if (!more)
		wq_timer_clear(fs->loop, &fs->answers_timer);
}

void wqfs_answers_fini(struct wqfs *fs)
{
	wq_timer_clear(fs->loop, &fs->answers_timer);
}
