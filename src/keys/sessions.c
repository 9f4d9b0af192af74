/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <uthash.h>

#include "keys/sessions.h"

#define SWEEP_FROM 4096 /* threads; fewer are kept, gone or not */
#define SWEPT_AT_ONCE \
	4 /* for each that is added: they cannot grow faster than they are swept */

/* One session, shared by those who have it. */
struct session {
	int32_t serial; /* 0: not known */
	unsigned int threads;
};

struct thread {
	pid_t tid;
	pid_t parent; /* who forked it; 0: that was not seen */
	struct session *session;
	bool gone; /* by the last sweep: what it did may still be told */
	UT_hash_handle hh;
};

struct wq_sessions {
	struct thread *by_tid;
	struct thread *swept; /* where the sweep stands; NULL: at the first */
};

struct wq_sessions *wq_sessions_new(void)
{
	return calloc(1, sizeof(struct wq_sessions));
}

static struct thread *find(const struct wq_sessions *s, pid_t tid)
{
	struct thread *t;

	HASH_FIND(hh, s->by_tid, &tid, sizeof(tid), t);
	return t;
}

static void drop(struct wq_sessions *s, struct thread *t)
{
	if (--t->session->threads == 0)
		free(t->session);
	if (s->swept == t)
		s->swept = t->hh.next;
	HASH_DEL(s->by_tid, t);
	free(t);
}

void wq_sessions_forget(struct wq_sessions *s)
{
	struct thread *t, *tmp;

	HASH_ITER (hh, s->by_tid, t, tmp)
		drop(s, t);
}

void wq_sessions_free(struct wq_sessions *s)
{
	if (!s)
		return;
	wq_sessions_forget(s);
	free(s);
}

bool wq_sessions_has(const struct wq_sessions *s, pid_t tid)
{
	return find(s, tid) != NULL;
}

pid_t wq_sessions_parent(const struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	return t ? t->parent : 0;
}

/* Drops who was gone at the last sweep already; a few at a time, since each is asked of the
 * kernel, and a fork is not to wait for all that live. */
static void sweep_some(struct wq_sessions *s)
{
	for (int i = 0; i < SWEPT_AT_ONCE; i++) {
		struct thread *t = s->swept ? s->swept : s->by_tid;

		if (!t)
			return;
		s->swept = t->hh.next;
		if (kill(t->tid, 0) == 0 || errno != ESRCH)
			t->gone = false;
		else if (t->gone)
			drop(s, t);
		else
			t->gone = true;
	}
}

/* A new session; NULL: no memory. */
static struct session *session_new(int32_t serial)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session)
		session->serial = serial;
	return session;
}

/* TID is in SESSION from now on, which is freed if nobody is; NULL: nothing is known. */
static void put(struct wq_sessions *s, pid_t tid, struct session *session)
{
	struct thread *t = find(s, tid);
	pid_t parent = t ? t->parent : 0;

	if (session)
		session->threads++;
	if (t)
		drop(s, t);
	if (!session)
		return;
	if (HASH_COUNT(s->by_tid) >= SWEEP_FROM)
		sweep_some(s);
	t = calloc(1, sizeof(*t));
	if (t) {
		t->tid = tid;
		t->parent = parent;
		t->session = session;
		HASH_ADD(hh, s->by_tid, tid, sizeof(t->tid), t);
	}
	if (t && t->hh.tbl)
		return;
	free(t);
	if (--session->threads == 0)
		free(session);
}

void wq_sessions_forked(struct wq_sessions *s, pid_t parent, pid_t child)
{
	const struct thread *p = find(s, parent);
	struct thread *c;

	if (!p) {
		put(s, parent, session_new(0));
		p = find(s, parent);
	}
	put(s, child, p ? p->session : NULL);
	c = find(s, child);
	if (c)
		c->parent = parent;
}

void wq_sessions_began(struct wq_sessions *s, pid_t child)
{
	put(s, child, NULL);
}

void wq_sessions_joined(struct wq_sessions *s, pid_t tid, int32_t serial)
{
	put(s, tid, session_new(serial));
}

void wq_sessions_lost_parent(struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	if (!t || !t->parent) { /* anybody's may be another now */
		wq_sessions_forget(s);
		return;
	}
	for (int i = 0; t && t->parent && i < 2; i++) {
		pid_t parent = t->parent;

		put(s, parent, session_new(0));
		t = find(s, parent);
	}
}

void wq_sessions_told(struct wq_sessions *s, pid_t tid, int32_t serial)
{
	struct thread *t = find(s, tid);

	if (t && t->session->serial == 0)
		t->session->serial = serial;
	else if (!t || t->session->serial != serial)
		put(s, tid, session_new(serial));
}

int32_t wq_sessions_find(const struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	return t ? t->session->serial : 0;
}
