/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <uthash.h>

#include "loop.h"
#include "sessions.h"

#define ENTRIES_MAX    4096
#define ANCESTORS_MAX  8
#define START_SLACK_NS 20000000u /* start times are known to 10 ms */

/* What a thread had from since_ns on, and before it. */
struct entry {
	pid_t tid;
	uint64_t since_ns;
	int32_t serial;
	int32_t before; /* 0: not known */
	bool joined;	/* itself: not inherited */
	UT_hash_handle hh;
};

struct wq_sessions {
	uint64_t since_ns;
	struct entry *by_tid; /* in the order of their making: the oldest goes first */
};

struct wq_sessions *wq_sessions_new(uint64_t since_ns)
{
	struct wq_sessions *s = calloc(1, sizeof(*s));

	if (s)
		s->since_ns = since_ns;
	return s;
}

static void drop(struct wq_sessions *s, struct entry *e)
{
	HASH_DEL(s->by_tid, e);
	free(e);
}

void wq_sessions_free(struct wq_sessions *s)
{
	struct entry *e, *tmp;

	if (!s)
		return;
	HASH_ITER (hh, s->by_tid, e, tmp)
		drop(s, e);
	free(s);
}

static struct entry *find(const struct wq_sessions *s, pid_t tid)
{
	struct entry *e;

	HASH_FIND(hh, s->by_tid, &tid, sizeof(tid), e);
	return e;
}

/* A new entry for TID in the place of any old one. */
static void put(struct wq_sessions *s, struct entry entry)
{
	struct entry *e = find(s, entry.tid);

	if (e)
		drop(s, e);
	if (HASH_COUNT(s->by_tid) >= ENTRIES_MAX)
		drop(s, s->by_tid);
	e = malloc(sizeof(*e));
	if (!e)
		return; /* not known, then */
	*e = entry;
	HASH_ADD(hh, s->by_tid, tid, sizeof(e->tid), e);
	if (!e->hh.tbl)
		free(e);
}

void wq_sessions_joined(struct wq_sessions *s, pid_t tid, int32_t serial, uint64_t at_ns)
{
	const struct entry *old = find(s, tid);

	put(s, (struct entry){
		       .tid = tid,
		       .since_ns = at_ns,
		       .serial = serial,
		       .before = old ? old->serial : 0,
		       .joined = true,
	       });
}

/* Is E what this very thread had, not one of the same number before it? */
static bool same_thread(const struct entry *e, const struct wq_task *t)
{
	return !t || t->start_ns < e->since_ns + START_SLACK_NS;
}

void wq_sessions_told(
	struct wq_sessions *s, const struct wq_task *t, int32_t serial, uint64_t at_ns)
{
	const struct entry *own = find(s, t->tid), *parents;
	bool inherited;

	if (own && same_thread(own, t) && own->serial == serial)
		return;
	/* All of its life was seen, and no join in it: it has what it was forked with. */
	inherited = t->start_ns > s->since_ns + START_SLACK_NS && t->tid == t->tgid &&
		    !(own && same_thread(own, t));
	put(s, (struct entry){
		       .tid = t->tid,
		       .since_ns = inherited ? t->start_ns : at_ns,
		       .serial = serial,
	       });
	if (!inherited || t->parent <= 1)
		return;
	parents = find(s, t->parent);
	if (parents && parents->since_ns + START_SLACK_NS > t->start_ns)
		return;
	if (!parents || parents->serial != serial)
		put(s, (struct entry){
			       .tid = t->parent,
			       .since_ns = t->start_ns,
			       .serial = serial,
		       });
}

int32_t wq_sessions_find(const struct wq_sessions *s, pid_t tid, const struct wq_task *t,
	struct wq_tasks *tasks, uint64_t at_ns)
{
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		const struct entry *e = find(s, tid);
		bool clear_cut;

		if (e && same_thread(e, t)) {
			/* a fork so close to a join may have been before or after it */
			clear_cut = i == 0 || at_ns > e->since_ns + START_SLACK_NS;
			if (at_ns >= e->since_ns)
				return clear_cut ? e->serial : 0;
			return i == 0 || at_ns + START_SLACK_NS < e->since_ns ? e->before : 0;
		}
		/* a thread's creator is not known; an orphan's parent is init */
		if (!t || t->tid != t->tgid || t->parent <= 1 ||
			t->start_ns < s->since_ns + START_SLACK_NS)
			return 0;
		at_ns = t->start_ns;
		tid = t->parent;
		t = wq_task_get(tasks, tid, wq_now_ns());
	}
	return 0;
}
