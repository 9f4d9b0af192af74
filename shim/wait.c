/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include "memory.h"
#include "next.h"
#include "queue_fd.h"
#include "signals.h"
#include "wait.h"

typedef int ppoll_fn(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
typedef int pselect_fn(
	int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *);

static const struct timespec no_time;

/* ---- time ---- */

#define NS_PER_S 1000000000L

struct span {
	const struct wqshim_time *whole; /* NULL: for ever */
	struct wqshim_time began, left;
	struct timespec next; /* what is left, as the C library takes it */
};

static bool is_valid(const struct wqshim_time *t)
{
	return t->s >= 0 && t->ns >= 0 && t->ns < NS_PER_S;
}

static struct wqshim_time now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct wqshim_time){t.tv_sec, t.tv_nsec};
}

static void begin_span(struct span *s, const struct wqshim_time *whole)
{
	s->whole = whole;
	s->left = whole ? *whole : (struct wqshim_time){0};
	s->began = now();
}

static struct wqshim_time difference(struct wqshim_time a, struct wqshim_time b)
{
	a.s -= b.s;
	a.ns -= b.ns;
	if (a.ns < 0) {
		a.ns += NS_PER_S;
		a.s--;
	}
	return a;
}

/* The time that is left now; NULL: for ever. It is never kept as a deadline, because that sum
 * might overflow. The C library may get less than is left, if a long cannot hold it: whoever
 * waits asks has_time_left(). */
static const struct timespec *time_left(struct span *s)
{
	if (!s->whole)
		return NULL;
	s->left = difference(*s->whole, difference(now(), s->began));
	if (s->left.s < 0)
		s->left = (struct wqshim_time){0};
	s->next.tv_sec = s->left.s > LONG_MAX ? LONG_MAX : (time_t)s->left.s;
	s->next.tv_nsec = s->left.ns;
	return &s->next;
}

/* ---- the epoll ---- */

static int open_epoll(void)
{
	return (int)wqshim_sys(SYS_epoll_create1, EPOLL_CLOEXEC);
}

/* ---- what every wait has ---- */

struct wait {
	const sigset_t *mask; /* the one for the wait */
	sigset_t before;      /* the program's */
	int epoll;
	struct span span;
};

static void begin_wait(struct wait *w, const struct wqshim_time *timeout, const sigset_t *mask)
{
	wqshim_block_signals(&w->before);
	w->mask = mask ? mask : &w->before;
	w->epoll = -1;
	begin_span(&w->span, timeout);
}

static void close_epoll(struct wait *w)
{
	if (w->epoll >= 0)
		wqshim_sys(SYS_close, w->epoll);
	w->epoll = -1;
}

static void end_wait(void *wait)
{
	struct wait *w = wait;

	close_epoll(w);
	wqshim_restore_signals(&w->before);
}

static bool has_time_left(struct wait *w)
{
	return !time_left(&w->span) || w->span.left.s || w->span.left.ns;
}

static bool add(int epoll, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events};
	long ret = wqshim_sys(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, (long)&e);

	return ret == 0 || ret == -EEXIST;
}

/* ---- poll ---- */

struct polling {
	ppoll_fn *next;
	struct pollfd *fds; /* the program's array */
	struct pollfd others[WQSHIM_POLL_MAX];
	nfds_t n;
	struct wait wait;
};

/* All events asked of a descriptor that may be in FDS more than once. */
static uint32_t all_events(const struct pollfd *fds, nfds_t n, int fd)
{
	uint32_t events = 0;

	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd == fd)
			events |= (uint16_t)fds[i].events;
	return events;
}

/* Has the epoll got the number of a closed descriptor that the program asks for? Then the
 * program must get the error for that at once. */
static bool is_asked_for(const struct pollfd *fds, nfds_t n, int fd)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd == fd)
			return true;
	return false;
}

/* Moves the queues from P->others to an epoll, which takes the place of the first of them.
 * False if there is no queue, or if that fails. */
static bool move_queues(struct polling *p)
{
	bool is_queue[WQSHIM_POLL_MAX], any = false;

	for (nfds_t i = 0; i < p->n; i++) {
		is_queue[i] = p->others[i].fd >= 0 && wqshim_is_queue(p->others[i].fd);
		any |= is_queue[i];
	}
	p->wait.epoll = any ? open_epoll() : -1;
	if (p->wait.epoll < 0 || is_asked_for(p->others, p->n, p->wait.epoll))
		return false;
	for (nfds_t i = 0; i < p->n; i++)
		if (is_queue[i] && !add(p->wait.epoll, p->others[i].fd,
					   all_events(p->others, p->n, p->others[i].fd)))
			return false;
	for (nfds_t i = 0; i < p->n; i++)
		if (is_queue[i]) {
			p->others[i] = (struct pollfd){any ? p->wait.epoll : -1, POLLIN, 0};
			any = false;
		}
	return true;
}

/* A daemon that ends waits until every poller has asked once more. Here the epoll has asked.
 * When we ask the daemon may have ended, which gives an error; but since the end has woken us,
 * we report a hang-up. */
static void show_ends(const struct polling *p)
{
	for (nfds_t i = 0; i < p->n; i++) {
		struct pollfd *fd = &p->fds[i];

		if (fd->fd >= 0 && fd->revents == POLLERR &&
			(wqshim_sys(SYS_fcntl, fd->fd, F_GETFL) & O_ACCMODE) == O_RDONLY &&
			wqshim_is_dead_queue(fd->fd))
			fd->revents |= POLLHUP;
	}
}

static int wait_and_ask(struct polling *p)
{
	int n;

	do {
		n = p->next(p->others, p->n, time_left(&p->wait.span), p->wait.mask);
		if (n < 0)
			return n;
		/* the events are those of the program, and so are errors */
		n = p->next(p->fds, p->n, &no_time, NULL);
	} while (n == 0 && has_time_left(&p->wait));
	if (n > 0)
		show_ends(p);
	return n;
}

/* No queue is waited for. */
static int poll_all(struct polling *p)
{
	close_epoll(&p->wait); /* its number may be one that the program asks for */
	return p->next(p->fds, p->n, time_left(&p->wait.span), p->wait.mask);
}

bool wqshim_wait_poll(struct pollfd *fds, nfds_t n, const struct wqshim_time *timeout,
	const sigset_t *mask, int *ret)
{
	static _Atomic(void *) found;
	struct polling p = {.fds = fds, .n = n};

	if (n == 0 || n > WQSHIM_POLL_MAX || (timeout && !is_valid(timeout)))
		return false;
	p.next = wqshim_next_by_name(&found, "ppoll");
	if (!p.next || !wqshim_fetch(p.others, fds, n * sizeof(*fds)))
		return false;
	begin_wait(&p.wait, timeout, mask);
	pthread_cleanup_push(end_wait, &p.wait);
	*ret = move_queues(&p) ? wait_and_ask(&p) : poll_all(&p);
	pthread_cleanup_pop(1);
	return true;
}

/* ---- select ---- */

enum { READ, WRITE, EXCEPT, SETS };

struct selecting {
	pselect_fn *next;
	fd_set *const *sets; /* the program's sets, or NULL */
	fd_set asked[SETS];  /* what the program asked for */
	fd_set others[SETS]; /* the same without the queues, and with the epoll */
	int n, n_others;
	struct wait wait;
};

/* The bytes of a set of N descriptors that the kernel reads. */
static size_t set_size(int n)
{
	const int bits = 8 * (int)sizeof(long);

	return (size_t)((n + bits - 1) / bits) * sizeof(long);
}

static bool fetch_sets(struct selecting *s)
{
	memset(s->asked, 0, sizeof(s->asked));
	for (int i = 0; i < SETS; i++)
		if (s->sets[i] && !wqshim_fetch(&s->asked[i], s->sets[i], set_size(s->n)))
			return false;
	return true;
}

static bool is_in_a_set(const struct selecting *s, int fd)
{
	return fd < s->n && (FD_ISSET(fd, &s->asked[READ]) || FD_ISSET(fd, &s->asked[WRITE]) ||
				    FD_ISSET(fd, &s->asked[EXCEPT]));
}

/* Adds the queue FD, which the program asks for, to the epoll. Fails if the epoll has a number
 * that is_asked_for() refuses. */
static bool add_from_sets(struct selecting *s, int fd)
{
	uint32_t events = EPOLLIN | EPOLLRDNORM | EPOLLRDBAND;

	if (s->wait.epoll < 0)
		s->wait.epoll = open_epoll();
	if (s->wait.epoll < 0 || s->wait.epoll >= FD_SETSIZE || is_in_a_set(s, s->wait.epoll))
		return false;
	if (FD_ISSET(fd, &s->asked[WRITE]))
		events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (FD_ISSET(fd, &s->asked[EXCEPT]))
		events |= EPOLLPRI;
	return add(s->wait.epoll, fd, events);
}

/* A queue that is not in the set of readers is not moved: its hang-up would wake the epoll, and
 * select() would not report it. */
static bool move_from_sets(struct selecting *s)
{
	memcpy(s->others, s->asked, sizeof(s->others));
	for (int fd = 0; fd < s->n; fd++) {
		if (!FD_ISSET(fd, &s->asked[READ]) || !wqshim_is_queue(fd))
			continue;
		if (!add_from_sets(s, fd))
			return false;
		for (int i = 0; i < SETS; i++)
			FD_CLR(fd, &s->others[i]);
	}
	if (s->wait.epoll < 0)
		return false;
	FD_SET(s->wait.epoll, &s->others[READ]);
	s->n_others = s->n > s->wait.epoll ? s->n : s->wait.epoll + 1;
	return true;
}

static int select_once(struct selecting *s, int n, fd_set sets[SETS],
	const struct timespec *timeout, const sigset_t *mask)
{
	return s->next(n, &sets[READ], &sets[WRITE], &sets[EXCEPT], timeout, mask);
}

static int wait_and_select(struct selecting *s)
{
	fd_set is[SETS];
	int n;

	do {
		memcpy(is, s->others, sizeof(is));
		n = select_once(s, s->n_others, is, time_left(&s->wait.span), s->wait.mask);
		if (n < 0)
			return n;
		memcpy(is, s->asked, sizeof(is));
		n = select_once(s, s->n, is, &no_time, NULL);
	} while (n == 0 && has_time_left(&s->wait));
	for (int i = 0; n >= 0 && i < SETS; i++)
		if (s->sets[i])
			memcpy(s->sets[i], &is[i], set_size(s->n));
	return n;
}

/* No queue is waited for. */
static int select_all(struct selecting *s)
{
	close_epoll(&s->wait);
	return s->next(s->n, s->sets[READ], s->sets[WRITE], s->sets[EXCEPT],
		time_left(&s->wait.span), s->wait.mask);
}

bool wqshim_wait_select(int n, fd_set *const sets[3], const struct wqshim_time *timeout,
	const sigset_t *mask, struct wqshim_time *left, int *ret)
{
	static _Atomic(void *) found;
	struct selecting s = {.sets = sets, .n = n};

	if (n <= 0 || n > FD_SETSIZE || !sets[READ] || (timeout && !is_valid(timeout)))
		return false;
	s.next = wqshim_next_by_name(&found, "pselect");
	if (!s.next || !fetch_sets(&s))
		return false;
	begin_wait(&s.wait, timeout, mask);
	pthread_cleanup_push(end_wait, &s.wait);
	*ret = move_from_sets(&s) ? wait_and_select(&s) : select_all(&s);
	pthread_cleanup_pop(1);
	if (time_left(&s.wait.span))
		*left = s.wait.span.left;
	return true;
}
