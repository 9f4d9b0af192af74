/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/container.h"
#include "base/libc.h"
#include "base/mapped.h"
#include "base/start.h"
#include "base/unused.h"
#include "fuse/user_mem.h"

#define TIMEOUT_NS WQ_NSEC_PER_SEC
#define AGAIN_NS   (5 * WQ_NSEC_PER_MSEC) /* until the shares are checked again */

struct wq_user_mem_child {
	struct wq_user_mem_pool *pool;
	struct wq_user_mem *mem; /* NULL: it was killed, and nobody waits for it */
	uid_t uid;
	bool was_begun;		 /* a timeout has found that it has begun */
	int out;		 /* a byte when it begins to read, and its answer; a pipe has
				  * room for all of it */
	struct wq_loop_fd pidfd; /* ready when the child has ended */
	LIST_ENTRY(wq_user_mem_child) node;
};

struct answer {
	int err;
	uint32_t len;
	uint64_t cpu_ns; /* what the child has used */
	struct wqfs_filter raw;
};

static int copy_in(pid_t pid, void *to, uint64_t from, size_t len)
{
	struct iovec local = {to, len}, remote = {(void *)(uintptr_t)from, len};
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return errno == EPERM || errno == ESRCH ? -EPERM : -EFAULT;
	return (size_t)n == len ? 0 : -EFAULT;
}

/* Reads in the kernel's order: the header, then the rules that it announces. */
static void read_filter(pid_t pid, uint64_t address, struct answer *a)
{
	const size_t head = sizeof(struct watch_notification_filter);
	size_t rules;

	a->err = copy_in(pid, &a->raw, address, head);
	a->len = (uint32_t)head;
	if (a->err < 0 || a->raw.nr_filters > WQFS_FILTER_MAX)
		return;
	rules = a->raw.nr_filters * sizeof(a->raw.filters[0]);
	if (rules)
		a->err = copy_in(pid, a->raw.filters, address + head, rules);
	a->len += (uint32_t)rules;
}

static _Noreturn void child(int out, pid_t parent, pid_t pid, uint64_t address)
{
	struct answer a = {0};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(out, 0) < 0 || wq_start_close_fds(1) < 0)
		_exit(1);
	(void)!write(0, "", 1);
	read_filter(pid, address, &a);
	a.cpu_ns = wq_budget_clock();
	(void)!write(0, &a, sizeof(a));
	_exit(0);
}

/* ---- children ---- */

/* Forks the child of C and fills in C's descriptors. 0 or -errno. */
static int fork_child(struct wq_user_mem_child *c, const struct wq_user_mem *mem)
{
	pid_t self = getpid(), forked;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	forked = fork();
	if (forked == 0)
		child(fds[1], self, mem->pid, mem->address);
	r = forked < 0 ? -errno : 0;
	close(fds[1]); /* which leaves a free number for the next descriptor */
	if (r == 0) {
		c->pidfd.fd = pidfd_open(forked, 0);
		r = c->pidfd.fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = wq_loop_add(c->pool->loop, &c->pidfd, EPOLLIN);
	if (r == 0) {
		c->out = fds[0];
		return 0;
	}
	if (forked > 0)
		kill(forked, SIGKILL);
	if (c->pidfd.fd >= 0)
		close(c->pidfd.fd);
	close(fds[0]);
	return r;
}

static void on_end(struct wq_loop_fd *watched, uint32_t events);

static struct wq_user_mem_child *new_child(struct wq_user_mem *mem, int *err)
{
	struct wq_user_mem_child *c = calloc(1, sizeof(*c));

	if (!c) {
		*err = -ENOMEM;
		return NULL;
	}
	c->pool = mem->pool;
	c->mem = mem;
	c->uid = mem->uid;
	c->pidfd = (struct wq_loop_fd){.fd = -1, .ready = on_end};
	*err = fork_child(c, mem);
	if (*err == 0)
		return c;
	free(c);
	return NULL;
}

/* Kills by pidfd, because another process may have the pid by now. */
static void kill_child(const struct wq_user_mem_child *c)
{
	pidfd_send_signal(c->pidfd.fd, SIGKILL, NULL, 0);
}

static bool is_mapped(uid_t uid)
{
	return uid > WQ_LAST_LOGIN;
}

static void free_child(struct wq_user_mem_child *c)
{
	LIST_REMOVE(c, node);
	wq_loop_del(c->pool->loop, &c->pidfd);
	close(c->pidfd.fd);
	close(c->out);
	c->pool->n--;
	c->pool->n_mapped -= is_mapped(c->uid);
	wq_per_user_uncharge(&c->pool->by_user, c->uid);
	free(c);
}

/* Has C come so far as to read? On a busy machine that takes longer than a read may. */
static bool has_begun(const struct wq_user_mem_child *c)
{
	int bytes;

	return ioctl(c->out, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* Has C been reading for as long as a read may take? */
static bool is_late(struct wq_user_mem_child *c)
{
	const bool was_begun = c->was_begun;

	c->was_begun = has_begun(c);
	return was_begun;
}

/* False: C has ended without an answer. */
static bool read_answer(const struct wq_user_mem_child *c, struct answer *a)
{
	char begun;
	struct iovec parts[] = {{&begun, 1}, {a, sizeof(*a)}};

	return readv(c->out, parts, 2) == 1 + (ssize_t)sizeof(*a);
}

static void abandon(struct wq_user_mem_child *c)
{
	c->mem = NULL;
	kill_child(c);
}

/* Are there fewer children than UID may have? */
static bool has_room(const struct wq_user_mem_pool *pool, uid_t uid)
{
	return pool->n < WQ_USER_MEM_MAX &&
	       (!is_mapped(uid) || pool->n_mapped < WQ_USER_MEM_MAPPED) &&
	       wq_per_user_count(&pool->by_user, uid) < WQ_USER_MEM_PER_USER;
}

static int charge(struct wq_user_mem_pool *pool, uid_t uid)
{
	const uint64_t now = wq_now_ns();

	if (!has_room(pool, uid))
		return -EDQUOT;
	if (!wq_shares_left(&pool->shares, uid, now)) {
		if (!pool->again.set)
			wq_timer_set(pool->loop, &pool->again, now + AGAIN_NS);
		return -EDQUOT;
	}
	return wq_per_user_charge(&pool->by_user, uid, WQ_USER_MEM_PER_USER);
}

/* Starts a child for MEM. 0; -EDQUOT: one of the running children has to end
 * first, or time to pass; or -errno. */
static int begin(struct wq_user_mem *mem)
{
	struct wq_user_mem_pool *pool = mem->pool;
	struct wq_user_mem_child *c;
	uint64_t began;
	int r = charge(pool, mem->uid);

	if (r < 0)
		return r;
	began = wq_budget_clock();
	c = new_child(mem, &r);
	wq_shares_spend(&pool->shares, mem->uid, wq_budget_clock() - began);
	if (!c) {
		wq_per_user_uncharge(&pool->by_user, mem->uid);
		return r;
	}
	LIST_INSERT_HEAD(&pool->children, c, node);
	pool->n++;
	pool->n_mapped += is_mapped(mem->uid);
	mem->child = c;
	wq_timer_set(pool->loop, &mem->timeout, wq_now_ns() + TIMEOUT_NS);
	return 0;
}

/* ---- who asks ---- */

/* MEM has no child any more. */
static void finish(struct wq_user_mem *mem, int err)
{
	wq_timer_clear(mem->pool->loop, &mem->timeout);
	mem->done(mem, err);
}

static void take_answer(struct wq_user_mem *mem, const struct answer *a)
{
	mem->raw = &a->raw;
	mem->len = a->len;
	finish(mem, a->err);
}

/* Starts the first in the line that may have a child; *R is 0 or an error. NULL: none may. Of a
 * user with many requests only the first of several that follow one another is asked about. */
static struct wq_user_mem *begin_first(struct wq_user_mem_pool *pool, int *r)
{
	struct wq_user_mem *mem;
	const struct wq_user_mem *refused = NULL;

	TAILQ_FOREACH (mem, &pool->line, node) {
		if (refused && refused->uid == mem->uid)
			continue;
		*r = begin(mem);
		if (*r != -EDQUOT)
			break;
		refused = mem;
	}
	return mem;
}

/* Starts all in the line that may have a child: there is room for more than one when it was
 * time that they waited for. To fork takes long, so others are served after each piece of it.
 */
static void serve_line(struct wq_user_mem_pool *pool)
{
	const uint64_t until = wq_now_ns() + WQ_PIECE_NS;
	struct wq_user_mem *mem;
	int r;

	while ((mem = begin_first(pool, &r))) {
		TAILQ_REMOVE(&pool->line, mem, node);
		if (r < 0)
			finish(mem, r);
		if (wq_now_ns() >= until) {
			wq_timer_set(pool->loop, &pool->again, 0);
			return;
		}
	}
}

static void on_end(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct wq_user_mem_child *c = wq_container_of(watched, struct wq_user_mem_child, pidfd);
	struct wq_user_mem_pool *pool = c->pool;
	struct wq_user_mem *mem = c->mem;
	struct answer a;
	const bool answered = read_answer(c, &a);

	if (answered)
		wq_shares_spend(&pool->shares, c->uid, a.cpu_ns);
	free_child(c);
	if (mem && answered)
		take_answer(mem, &a);
	else if (mem)
		finish(mem, -EFAULT);
	serve_line(pool);
}

static void on_again(struct wq_timer *timer)
{
	serve_line(wq_container_of(timer, struct wq_user_mem_pool, again));
}

static void on_timeout(struct wq_timer *timer)
{
	struct wq_user_mem *mem = wq_container_of(timer, struct wq_user_mem, timeout);
	int err = mem->child ? -EFAULT : -EAGAIN;

	/* its memory is not what takes so long: it waits only for time */
	if (mem->child ? !is_late(mem->child) : has_room(mem->pool, mem->uid)) {
		wq_timer_set(mem->pool->loop, timer, wq_now_ns() + TIMEOUT_NS);
		return;
	}
	wq_user_mem_cancel(mem);
	mem->done(mem, err);
}

/* Does another request of UID wait? */
static bool is_in_line(const struct wq_user_mem_pool *pool, uid_t uid)
{
	const struct wq_user_mem *mem;

	TAILQ_FOREACH (mem, &pool->line, node)
		if (mem->uid == uid)
			return true;
	return false;
}

int wq_user_mem_start(struct wq_user_mem_pool *pool, struct wq_user_mem *mem, pid_t pid,
	uid_t uid, uint64_t address)
{
	int r;

	if (pid <= 0)
		return -EPERM;
	mem->pool = pool;
	mem->pid = pid;
	mem->uid = uid;
	mem->address = address;
	mem->timeout = (struct wq_timer){.fire = on_timeout};
	mem->child = NULL;
	r = is_in_line(pool, uid) ? -EDQUOT : begin(mem);
	if (r != -EDQUOT)
		return r;
	TAILQ_INSERT_TAIL(&pool->line, mem, node);
	wq_timer_set(pool->loop, &mem->timeout, wq_now_ns() + TIMEOUT_NS);
	return 0;
}

void wq_user_mem_cancel(struct wq_user_mem *mem)
{
	wq_timer_clear(mem->pool->loop, &mem->timeout);
	if (mem->child)
		abandon(mem->child);
	else
		TAILQ_REMOVE(&mem->pool->line, mem, node);
}

/* ---- the pool ---- */

void wq_user_mem_init(struct wq_user_mem_pool *pool, struct wq_loop *loop)
{
	*pool = (struct wq_user_mem_pool){.loop = loop};
	pool->again.fire = on_again;
	LIST_INIT(&pool->children);
	TAILQ_INIT(&pool->line);
}

void wq_user_mem_fini(struct wq_user_mem_pool *pool)
{
	struct wq_user_mem_child *c;

	wq_timer_clear(pool->loop, &pool->again);
	while ((c = LIST_FIRST(&pool->children))) {
		kill_child(c);
		free_child(c);
	}
}
