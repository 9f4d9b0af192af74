/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/loop.h"
#include "keys/sessions.h"

#define SWEEP_FROM 4096 /* up to so many threads are kept, whether they have ended or not */
/* Threads swept for each that is added, so that their number cannot grow without end. */
#define SWEPT_AT_ONCE 4

/* A session keyring, shared by the threads that have it. */
struct session {
	int32_t serial; /* 0: unknown */
	unsigned int threads;
	bool has_origin;
	struct wq_ids origin; /* the users of its first thread, as far as they were seen */
};

struct thread {
	pid_t tid;
	pid_t parent;		 /* the thread that forked it; 0: not seen */
	struct session *session; /* NULL: one of its own, and unknown */
	struct wq_ids ids;
	bool has_ids;
	bool was_asked;	       /* reading it again would tell no more */
	bool begins_apart;     /* its next child begins in another user namespace */
	unsigned int losses;   /* the number of losses by then: */
	uint64_t ids_since_ns; /* when they were read; 0: followed from the beginning */
	/* When the sweep found it ended: reports about it may still come; or 0. */
	uint64_t ended_ns;
	UT_hash_handle hh;
};

struct wq_sessions {
	struct thread *by_tid;
	struct thread *swept; /* where the sweep is; NULL: at the first */
	unsigned int losses;  /* of events about users */
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

static void leave(struct session *session)
{
	if (session && --session->threads == 0)
		free(session);
}

static void drop(struct wq_sessions *s, struct thread *t)
{
	leave(t->session);
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
	const struct thread *t = find(s, tid);

	return t && (t->session || t->has_ids);
}

pid_t wq_sessions_parent(const struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	return t ? t->parent : 0;
}

/* Drops threads that had ended before AT_NS, about which all has been reported by then. It does
 * so for a few at a time, because each costs a system call, and a fork must not wait for that
 * of all threads. */
static void sweep_some(struct wq_sessions *s, uint64_t at_ns)
{
	for (int i = 0; i < SWEPT_AT_ONCE; i++) {
		struct thread *t = s->swept ? s->swept : s->by_tid;

		if (!t)
			return;
		s->swept = t->hh.next;
		if (kill(t->tid, 0) == 0 || errno != ESRCH)
			t->ended_ns = 0;
		else if (t->ended_ns && t->ended_ns < at_ns)
			drop(s, t);
		else if (!t->ended_ns)
			t->ended_ns = wq_now_ns();
	}
}

/* The thread TID; adds it if it is missing. NULL: no memory. */
static struct thread *get(struct wq_sessions *s, pid_t tid)
{
	struct thread *t = find(s, tid);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->tid = tid;
	HASH_ADD(hh, s->by_tid, tid, sizeof(t->tid), t);
	if (t->hh.tbl)
		return t;
	free(t);
	return NULL;
}

/* T has SESSION from now on. */
static void enter(struct thread *t, struct session *session)
{
	if (session)
		session->threads++;
	leave(t->session);
	t->session = session;
}

/* T has a session keyring of its own from now on: SERIAL, or 0: unknown. */
static void enter_new(struct thread *t, int32_t serial)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session) {
		session->serial = serial;
		session->has_origin = t->has_ids;
		session->origin = t->ids;
	}
	enter(t, session);
}

/* If changes were lost since, a thread of root may be any user by now. The real user tells
 * whether a thread is root's, because a set-user-ID program does not change that. */
static bool knows_ids(const struct wq_sessions *s, const struct thread *t)
{
	return t->has_ids && (t->losses == s->losses || t->ids.uid[WQ_ID_REAL] != 0);
}

static bool is_sure(const struct wq_sessions *s, const struct thread *t, uint64_t at_ns)
{
	return t->has_ids && t->ids.is_sure && t->losses == s->losses &&
	       at_ns >= t->ids_since_ns;
}

/* The child C of P was made at AT_NS: it inherits the users of P. */
static void inherit_ids(
	const struct wq_sessions *s, struct thread *c, const struct thread *p, uint64_t at_ns)
{
	const bool apart = c->begins_apart;

	c->has_ids = knows_ids(s, p);
	c->ids = p->ids;
	c->ids.is_sure = is_sure(s, p, at_ns) && !apart;
	c->was_asked = p->was_asked && at_ns >= p->ids_since_ns && !apart;
	c->losses = p->losses;
	c->ids_since_ns = 0;
	c->begins_apart = false;
}

void wq_sessions_forked(struct wq_sessions *s, pid_t parent, pid_t child, uint64_t at_ns)
{
	struct thread *p, *c;

	if (HASH_COUNT(s->by_tid) >= SWEEP_FROM)
		sweep_some(s, at_ns);
	p = get(s, parent);
	c = p ? get(s, child) : find(s, child);
	if (!p || !c) {
		if (c)
			drop(s, c);
		return;
	}
	if (!p->session)
		enter_new(p, 0);
	enter(c, p->session);
	c->parent = parent;
	c->ended_ns = 0;
	inherit_ids(s, c, p, at_ns);
}

void wq_sessions_began(struct wq_sessions *s, pid_t child)
{
	struct thread *t = find(s, child);

	if (t)
		drop(s, t);
}

void wq_sessions_joined(struct wq_sessions *s, pid_t tid, int32_t serial)
{
	struct thread *t = get(s, tid);

	if (t)
		enter_new(t, serial);
}

void wq_sessions_lost_parent(struct wq_sessions *s, pid_t tid)
{
	struct thread *t = find(s, tid);

	if (!t || !t->parent) { /* the session keyring of any thread may have changed */
		wq_sessions_forget(s);
		return;
	}
	for (int i = 0; t && t->parent && i < 2; i++) {
		t = get(s, t->parent);
		if (t)
			enter_new(t, 0);
	}
}

void wq_sessions_learned(struct wq_sessions *s, pid_t tid, int32_t serial)
{
	struct thread *t = get(s, tid);

	if (t && t->session && t->session->serial == 0)
		t->session->serial = serial;
	else if (t && (!t->session || t->session->serial != serial))
		enter_new(t, serial);
}

int32_t wq_sessions_find(const struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	return t && t->session ? t->session->serial : 0;
}

/* ---- users ---- */

void wq_sessions_ids_read(
	struct wq_sessions *s, pid_t tid, const struct wq_ids *ids, uint64_t at_ns)
{
	struct thread *t = get(s, tid);

	if (!t)
		return;
	t->ids = *ids;
	t->has_ids = t->was_asked = true;
	t->losses = s->losses;
	t->ids_since_ns = at_ns;
	if (!t->session) {
		enter_new(t, 0);
	} else if (!t->session->has_origin) {
		t->session->has_origin = true;
		t->session->origin = *ids;
	}
}

bool wq_sessions_ids_changed(struct wq_sessions *s, pid_t tid, enum wq_ids_change change,
	const uid_t arg[WQ_IDS_ARGS])
{
	struct thread *t = change == WQ_IDS_BEGINS_APART ? get(s, tid) : find(s, tid);
	bool is_clear;

	if (change == WQ_IDS_BEGINS_APART && t)
		t->begins_apart = true;
	if (change == WQ_IDS_BEGINS_APART || change == WQ_IDS_EXECUTED)
		is_clear = true;
	else
		is_clear = t && knows_ids(s, t);
	if (!t || !t->has_ids || change == WQ_IDS_BEGINS_APART)
		return is_clear;
	if (!wq_ids_change(&t->ids, change, arg))
		is_clear = false;
	if (!is_clear || change == WQ_IDS_LEFT)
		t->was_asked = false;
	return is_clear;
}

void wq_sessions_ids_lost(struct wq_sessions *s)
{
	s->losses++;
}

bool wq_sessions_ids_wanted(const struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	return !t || !t->has_ids || !t->was_asked || t->losses != s->losses;
}

bool wq_sessions_ids(const struct wq_sessions *s, pid_t tid, uint64_t at_ns, struct wq_ids *ids)
{
	const struct thread *t = find(s, tid);

	if (!t || !knows_ids(s, t))
		return false;
	*ids = t->ids;
	ids->is_sure = is_sure(s, t, at_ns);
	return true;
}

const struct wq_ids *wq_sessions_origin(const struct wq_sessions *s, pid_t tid)
{
	const struct thread *t = find(s, tid);

	return t && t->session && t->session->serial == 0 && t->session->has_origin
		       ? &t->session->origin
		       : NULL;
}
